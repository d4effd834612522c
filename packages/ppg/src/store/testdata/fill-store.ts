import type { PpgStore } from "../store.ts";
import { claimAs, outcome, submission, t0, to } from "./pushes.ts";

/** Pushes of a call: as many as a busy gateway has waiting. */
const BATCH = 500;
const LANES = 4;

export interface FillOptions {
  /** Prefix of their push-ids. */
  readonly prefix: string;
  /** Told of their results, all accepted; null: they want none. */
  readonly notifyUrl: string | null;
}

/**
 * Fills a store with finished pushes to one recipient each, as fast as the store takes them. Push-ids and recipients come in no
 * order, as those of strangers do. Nothing else must be due.
 */
export async function fillStore(store: PpgStore, count: number, options: FillOptions): Promise<void> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      const size = Math.min(BATCH, left);
      left -= size;
      await finishPushes(
        store,
        Array.from({ length: size }, (_, index) => strangersPush(left + index, options)),
      );
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
}

async function finishPushes(store: PpgStore, pushes: readonly ReturnType<typeof submission>[]): Promise<void> {
  await store.submit(pushes, t0);
  const claimed = await store.claim(claimAs("filler", t0, pushes.length));
  await store.advance(claimed.map((each) => outcome(each)));
  const results = await store.claimNotifications(claimAs("filler", t0 + 50, pushes.length));
  await store.settleNotifications(
    results.map((notification) => ({ notification, verdict: "accepted", atMs: t0 + 60 })),
  );
}

/** The push with that number: its push-id and its recipient are its hash. */
export function strangersPush(number: number, { prefix, notifyUrl }: FillOptions): ReturnType<typeof submission> {
  const mixed = Math.imul(number + 1, 0x9e3779b1) >>> 0;
  const user = `+49${mixed}`;
  return submission(`${mixed.toString(16)}-${prefix}-${number}@pi.example.com`, {
    notifyUrl,
    content: new Uint8Array(200).fill(number),
    recipients: to(user),
  });
}
