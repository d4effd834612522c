import { MemorySubscriptionStore, type SubscriptionRecord } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { expect, it } from "vitest";
import { NodeSubscriptions } from "./node-subscriptions.ts";

const PACKAGE = "oma-push";
const HOUR_MS = 3_600_000;
const clock = new VirtualClock();
const startMs = clock.date().getTime();

function record(id: string, expiresMs = startMs + HOUR_MS): SubscriptionRecord {
  const dialog = { callId: id, localTag: id, remoteTag: "b", localUri: "<sip:a@h>", remoteUri: "<sip:b@h>" };
  return {
    ...{ id, package: PACKAGE, eventId: null, eventParams: [], state: "active" as const, accept: [] },
    dialog: { ...dialog, localSeq: 1, remoteSeq: 1, routeSet: [], remoteTarget: "sip:b@h", secure: false },
    ...{
      expiresAt: new Date(expiresMs).toISOString(),
      resource: "sip:a@h",
      subscriber: "sip:b@h",
      applicationData: null,
    },
  };
}

async function loadedBy(subscriptions: NodeSubscriptions): Promise<SubscriptionRecord[]> {
  const records: SubscriptionRecord[] = [];
  for await (const each of subscriptions.load(PACKAGE)) records.push(each);
  return records;
}

it("goes on with what this node took, as it was, and with what an earlier version left, not with that of another", async () => {
  const store = new MemorySubscriptionStore();
  await new NodeSubscriptions(store, "ppg-1", clock).put(record("mine"));
  await new NodeSubscriptions(store, "ppg-2", clock).put(record("other"));
  await store.put(record("old"));
  expect(await loadedBy(new NodeSubscriptions(store, "ppg-1", clock))).toEqual([record("mine"), record("old")]);
  expect(store.size).toBe(3);
});

it("removes what another node has not ended an hour after it ran out, and nothing of its own", async () => {
  const store = new MemorySubscriptionStore();
  const [mine, other] = ["ppg-1", "ppg-2"].map((name) => new NodeSubscriptions(store, name, clock));
  await mine?.put(record("mine", startMs - 2 * HOUR_MS));
  await other?.put(record("left behind", startMs - HOUR_MS - 1));
  await other?.put(record("ran out", startMs - HOUR_MS));
  const loaded = await loadedBy(new NodeSubscriptions(store, "ppg-1", clock));
  expect(loaded.map(({ id }) => id)).toEqual(["mine"]);
  expect([store.get("left behind"), store.get("ran out")?.id]).toEqual([undefined, "ran out"]);
});
