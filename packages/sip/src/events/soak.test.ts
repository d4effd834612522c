import { describe, expect, it } from "vitest";
import { MemorySubscriptionStore } from "./subscription-store.ts";
import { heapBytes } from "./testdata/heap.ts";
import { EventRig, HANDSET, SERVER, type Side } from "./testdata/rig.ts";

const DAY_MS = 86_400_000;

/** So many subscriptions on one pair: made, then refreshed every day; entries, timers and memory stay what they were. */
async function soak(count: number, days: number): Promise<void> {
  const rig = new EventRig();
  rig.network.sent.push = () => 0; // what was sent is not looked at
  const sides: Side[] = [await rig.side(HANDSET), await rig.side(SERVER)];
  const [handset, server] = sides as [Side, Side];
  const store = new MemorySubscriptionStore();
  const notifier = await rig.notifier(server, { store, maxPerSubscriber: count });
  const subscribers = rig.subscribers(handset);
  for (const side of sides) side.received.push = () => 0;
  for (let n = 0; n < count; n += 20) {
    for (let k = 0; k < 20; k++) subscribers.subscribe(rig.options({ expiresSeconds: DAY_MS / 1000 }));
    await rig.clock.advance(100);
  }
  const entries = (): number[] => [subscribers.size, notifier.size, store.size];
  const forget = (): void => {
    rig.reports.length = 0;
    rig.notifierReports.length = 0;
  };
  const nextDay = async (): Promise<void> => {
    await rig.clock.advance(DAY_MS);
    expect(entries()).toEqual([count, count, count]);
    // Of one refresh each.
    expect(rig.reports).toHaveLength(count);
    forget();
  };
  await rig.clock.advance(60_000);
  forget();
  // What the first days leave behind is compiled code.
  const warmUp = Math.ceil(days / 3);
  for (let day = 0; day < warmUp; day++) await nextDay();
  const timers = rig.clock.pendingTimers;
  const before = heapBytes();
  for (let day = warmUp; day < days; day++) {
    await nextDay();
    expect(rig.clock.pendingTimers).toBeLessThanOrEqual(timers + 4);
  }
  // A leak of one header field a refresh would be more than this.
  expect((heapBytes() - before) / (count * (days - warmUp))).toBeLessThan(32);
  expect(notifier.stats.notified).toBe((days + 1) * count);
  for (const side of sides) expect(side.endpoint.stats).toMatchObject({ clients: 0, servers: 0 });
}

describe("a soak: neither entries nor timers nor memory grow", () => {
  it("over 10,000 subscriptions that are refreshed for two days", async () => {
    expect.hasAssertions();
    await soak(10_000, 2);
  }, 120_000);

  it("over 50 days of refreshes", async () => {
    expect.hasAssertions();
    await soak(200, 50);
  }, 60_000);
});
