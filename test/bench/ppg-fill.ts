import { PostgresStore, type PpgStore, type PushSubmission, SqliteStore } from "@sip-push/ppg";

const BATCH = 500;
const LANES = 4;
/** All in the past, and recent: none is pruned. */
const atMs = Date.now() - 3_600_000;

/** Fills a new store with delivered pushes of strangers, and closes it. */
export async function fillStore(database: string, dataDirectory: string, count: number): Promise<void> {
  const store: PpgStore =
    database === "sqlite" ? await SqliteStore.open(dataDirectory) : await PostgresStore.open(database);
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      const size = Math.min(BATCH, left);
      left -= size;
      await deliverAll(
        store,
        Array.from({ length: size }, (_, index) => pushOf(left + index)),
      );
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, lane));
  } finally {
    await store.close();
  }
}

async function deliverAll(store: PpgStore, pushes: readonly PushSubmission[]): Promise<void> {
  await store.submit(pushes, atMs);
  const claimed = await store.claim({ owner: "fill", limit: pushes.length, nowMs: atMs, leaseMs: 60_000 });
  await store.advance(
    claimed.map(({ id, version, owner }) => ({
      lease: { id, version, owner },
      ...{ to: "delivered", atMs: atMs + 50, dueAtMs: null, sipStatus: 200, papCode: 1000, reason: "OK" },
      attemptStartedAtMs: atMs + 10,
    })),
  );
}

/** Push-ids and recipients in no order, as those of strangers come. */
function pushOf(number: number): PushSubmission {
  const mixed = (Math.imul(number + 1, 0x9e3779b1) >>> 0).toString(16);
  return {
    ...{ initiator: "stranger", pushId: `${mixed}-${number}@pi.example.test`, priority: "medium" },
    ...{ deliveryMethod: "notspecified", deliverAfterMs: null, deliverBeforeMs: null, notifyUrl: null },
    ...{ progressNotesRequested: false, contentType: "application/octet-stream", content: new Uint8Array(60) },
    ...{ capabilities: null, applicationData: null, replace: null },
    recipients: [{ address: `sip:${mixed}@example.test`, recipient: `sip:${mixed}@example.test` }],
  };
}
