import { VirtualClock } from "@sip-push/sip/testing";
import { describe, expect, it } from "vitest";
import { PostgresPulse } from "./postgres-pulse.ts";

/** A server that answers questions as the test says: after so many milliseconds, or never. */
function rig(answersAfterMs = Number.POSITIVE_INFINITY) {
  const clock = new VirtualClock();
  const seen = { askedAtMs: [] as number[], silentAtMs: [] as number[], dropped: 0 };
  const server = { answersAfterMs, answer: true };
  const ask = (signal: AbortSignal): Promise<boolean> => {
    seen.askedAtMs.push(clock.now());
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const { answersAfterMs: afterMs, answer } = server;
    const timer = Number.isFinite(afterMs) ? clock.schedule(afterMs, () => resolve(answer)) : undefined;
    signal.addEventListener("abort", () => {
      seen.dropped++;
      timer?.cancel();
      resolve(false);
    });
    return promise;
  };
  const pulse = new PostgresPulse({ clock, ask, onSilent: () => void seen.silentAtMs.push(clock.now()) });
  return { clock, seen, server, pulse };
}

describe("the pulse of a server", () => {
  it("is not felt while nobody waits for it", async () => {
    const { clock, seen, pulse } = rig();
    pulse.began();
    await clock.advance(2);
    pulse.heard();
    pulse.ended();
    await clock.advance(60_000);
    expect([seen.askedAtMs, clock.pendingTimers]).toEqual([[], 0]);
  });

  it("is asked for after 3 s, and the server is silent after 6: told once, and asked again each second", async () => {
    const { clock, seen, pulse } = rig();
    pulse.began();
    await clock.advance(5_999);
    expect([seen.askedAtMs, pulse.silent]).toEqual([[3_000], false]);
    await clock.advance(1);
    expect([seen.silentAtMs, pulse.silent]).toEqual([[6_000], true]);
    pulse.ended();
    await clock.advance(8_000);
    expect([seen.askedAtMs, seen.silentAtMs]).toEqual([[3_000, 7_000, 11_000], [6_000]]);
  });

  it.each([
    ["in the last moment is there", 2_999, [], false],
    ["too late was silent until it is asked again", 3_001, [6_000], true],
  ])("that answers %s", async (_what, answersAfterMs, silentAtMs, silent) => {
    const { clock, seen, server, pulse } = rig(answersAfterMs);
    pulse.began();
    await clock.advance(6_100);
    expect([seen.silentAtMs, pulse.silent]).toEqual([silentAtMs, silent]);
    server.answersAfterMs = 5;
    await clock.advance(905);
    expect([seen.silentAtMs, pulse.silent]).toEqual([silentAtMs, false]);
  });

  it("that cannot be asked is silent at once, and comes back with the first answer", async () => {
    const { clock, seen, server, pulse } = rig(0);
    server.answer = false;
    pulse.began();
    await clock.advance(3_000);
    expect([seen.silentAtMs, pulse.silent]).toEqual([[3_000], true]);
    pulse.ended();
    server.answer = true;
    await clock.advance(1_000);
    expect(pulse.silent).toBe(false);
    await clock.advance(3_000);
    expect([seen.askedAtMs, clock.pendingTimers]).toEqual([[3_000, 4_000], 0]);
  });

  it("goes on while a call takes long: it is asked each time that all is quiet", async () => {
    const { clock, seen, pulse } = rig(10);
    pulse.began();
    await clock.advance(10_000);
    expect([seen.askedAtMs, seen.silentAtMs]).toEqual([[3_000, 6_010, 9_020], []]);
    pulse.heard();
    pulse.ended();
    await clock.advance(3_000);
    expect([seen.askedAtMs.length, clock.pendingTimers]).toEqual([3, 0]);
  });

  it("is heard on any connection: 3 s count from there, and a question under way is dropped", async () => {
    const { clock, seen, pulse } = rig();
    pulse.began();
    pulse.began();
    await clock.advance(2_000);
    pulse.heard();
    pulse.ended();
    await clock.advance(2_999);
    expect(seen.askedAtMs).toEqual([]);
    await clock.advance(1);
    expect([seen.askedAtMs, seen.dropped]).toEqual([[5_000], 0]);
    await clock.advance(1_000);
    pulse.heard();
    expect(seen.dropped).toBe(1);
    await clock.advance(2_999);
    expect([seen.askedAtMs, seen.silentAtMs]).toEqual([[5_000], []]);
    await clock.advance(1);
    expect(seen.askedAtMs).toEqual([5_000, 9_000]);
  });

  it("counts from when somebody asks, not from when all was answered", async () => {
    const { clock, seen, pulse } = rig();
    pulse.began();
    pulse.heard();
    pulse.ended();
    await clock.advance(2_500);
    pulse.began();
    await clock.advance(2_999);
    expect(seen.askedAtMs).toEqual([]);
    await clock.advance(1);
    expect(seen.askedAtMs).toEqual([5_500]);
  });

  it("is felt although who waited has given up", async () => {
    const { clock, seen, pulse } = rig();
    pulse.began();
    await clock.advance(1_000);
    pulse.ended();
    await clock.advance(2_000);
    // Another call does not put it off.
    pulse.began();
    pulse.ended();
    await clock.advance(3_000);
    expect([seen.askedAtMs, seen.silentAtMs]).toEqual([[3_000], [6_000]]);
  });

  it("is back when a late answer comes on an old connection, and may stop again", async () => {
    const { clock, seen, pulse } = rig();
    pulse.began();
    await clock.advance(6_500);
    pulse.heard();
    expect(pulse.silent).toBe(false);
    await clock.advance(6_000);
    expect([seen.askedAtMs, seen.silentAtMs]).toEqual([
      [3_000, 9_500],
      [6_000, 12_500],
    ]);
  });

  it("was not missing when what it said came while this process stood still", async () => {
    const { clock, seen, pulse } = rig();
    // Read in the turn after the timers.
    clock.schedule(6_000, () => setImmediate(() => pulse.heard()));
    pulse.began();
    await clock.advance(6_000);
    expect([seen.askedAtMs, seen.silentAtMs, pulse.silent]).toEqual([[3_000], [], false]);
  });

  it.each([
    ["nobody waits", 0, 0],
    ["somebody waits", 1_000, 0],
    ["it is asked", 4_000, 1],
    ["it is silent", 6_500, 0],
    ["it is asked again", 7_500, 1],
  ])("is not felt after the end, which comes while %s", async (_what, afterMs, dropped) => {
    const { clock, seen, pulse } = rig();
    if (afterMs > 0) pulse.began();
    await clock.advance(afterMs);
    const before = { ...seen, dropped: seen.dropped + dropped };
    pulse.close();
    await clock.advance(0);
    expect(clock.pendingTimers).toBe(0);
    pulse.began();
    pulse.heard();
    await clock.advance(60_000);
    expect(seen).toEqual(before);
  });
});
