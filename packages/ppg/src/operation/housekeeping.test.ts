import { silentLogger } from "@sip-push/sip";
import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { Housekeeping } from "./housekeeping.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

function rig(results: ReadonlyArray<number | Error>) {
  const clock = new VirtualClock();
  const calls: { readonly atMs: number; readonly beforeMs: number; readonly limit: number }[] = [];
  const store = {
    prune: async (beforeMs: number, limit: number) => {
      calls.push({ atMs: clock.now(), beforeMs: clock.date().getTime() - beforeMs, limit });
      const result = results[calls.length - 1] ?? 0;
      if (typeof result === "number") return result;
      throw result;
    },
  };
  return { clock, calls, keeping: new Housekeeping({ store, finishedDays: 30, clock, logger: silentLogger }) };
}

describe("housekeeping", () => {
  it("deletes what is finished for longer than the retention, every minute", async () => {
    const { clock, calls, keeping } = rig([]);
    await clock.advance(2 * MINUTE_MS);
    expect(calls.map(({ atMs }) => atMs)).toEqual([MINUTE_MS, 2 * MINUTE_MS]);
    expect(calls[0]).toMatchObject({ beforeMs: 30 * DAY_MS, limit: 1_000 });
    await keeping.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("goes on soon while there is more, and leaves room for pushes in between", async () => {
    // Of pushes with many recipients one fills a batch.
    const { clock, calls, keeping } = rig([1_000, 1, 0]);
    await clock.advance(MINUTE_MS + 1_000);
    expect(calls.map(({ atMs }) => atMs)).toEqual([MINUTE_MS, MINUTE_MS + 100, MINUTE_MS + 200]);
    await keeping.close();
  });

  it("goes on when the store failed", async () => {
    const { clock, calls, keeping } = rig([new Error("away")]);
    await clock.advance(2 * MINUTE_MS);
    expect(calls).toHaveLength(2);
    await keeping.close();
  });

  it("waits at its end for what is under way, and does nothing afterwards", async () => {
    const clock = new VirtualClock();
    const under = Promise.withResolvers<number>();
    const store = { prune: () => under.promise };
    const keeping = new Housekeeping({ store, finishedDays: 30, clock, logger: silentLogger });
    await clock.advance(MINUTE_MS);
    let closed = false;
    const closing = keeping.close().then(() => {
      closed = true;
    });
    await clock.advance(0);
    expect(closed).toBe(false);
    under.resolve(500);
    await closing;
    expect(clock.pendingTimers).toBe(0);
  });
});
