import { describe, expect, it } from "vitest";
import { defaultBreakerRule } from "../delivery/circuit-breaker.machine.ts";
import { OriginLane } from "./origin-lane.ts";

const rule = { perOrigin: 4, breaker: { ...defaultBreakerRule, maxFailures: 3, maxPauseMs: 30_000 } };
const make = (): OriginLane<number> => new OriginLane("http://pi.test", rule);

const fail = (lane: OriginLane<number>, nowMs: number): void => {
  lane.begin(nowMs);
  lane.end("failure", nowMs, 5);
};

describe("the lane of an origin", () => {
  it("admits as many at a time as an origin may have", () => {
    const lane = make();
    for (let each = 0; each < 4; each++) {
      expect(lane.admits(0)).toBe(true);
      lane.begin(0);
    }
    expect(lane.admits(0)).toBe(false);
    lane.end("success", 10, 10);
    expect(lane.admits(10)).toBe(true);
  });

  it("pauses after failures in a row, lets one try, and pauses for longer when that fails", () => {
    const lane = make();
    for (let each = 0; each < 3; each++) fail(lane, 0);
    expect(lane.pausedUntilMs(0)).toBe(1_000);
    expect([lane.admits(999), lane.holds(999)]).toEqual([false, false]);
    expect(lane.admits(1_000)).toBe(true);
    lane.begin(1_000);
    expect([lane.admits(1_000), lane.holds(1_000)]).toEqual([false, false]);
    lane.end("failure", 1_500, 500);
    expect(lane.pausedUntilMs(1_500)).toBe(3_500);
    expect(lane.admits(3_500)).toBe(true);
    lane.begin(3_500);
    lane.end("success", 3_600, 100);
    expect([lane.pausedUntilMs(3_600), lane.admits(3_600)]).toEqual([null, true]);
  });

  it("pauses as long as its origin asks, but not for ever", () => {
    const lane = make();
    lane.begin(0);
    lane.end("failure", 0, 5, 20_000);
    expect(lane.pausedUntilMs(0)).toBe(20_000);
    lane.begin(20_000);
    lane.end("failure", 20_000, 5, 1e9);
    expect(lane.pausedUntilMs(20_000)).toBe(320_000);
  });

  it("holds what it can take within two seconds, and less when it does not move", () => {
    const lane = make();
    const fill = (nowMs: number): number => {
      lane.waiting.length = 0;
      while (lane.holds(nowMs)) lane.waiting.push(0);
      return lane.waiting.length;
    };
    expect(fill(0)).toBe(800); // nothing is known: 10 ms each, four at a time
    for (let each = 0; each < 60; each++) {
      lane.begin(0);
      lane.end("success", 0, 40);
    }
    expect(fill(0)).toBe(200);
    lane.begin(0);
    expect(fill(999)).toBe(199);
    expect(fill(1_000)).toBe(7);
    lane.waiting.push(0, 0);
    expect(lane.excess(1_000)).toBe(2);
    expect(fill(10_000)).toBe(3); // with the one under way as many as go at a time
  });

  it("spreads what it puts off: the more, the longer, and over the time that they will take", () => {
    const lane = make();
    expect(lane.putOffUntilMs(0, () => 1)).toBe(253);
    for (let each = 0; each < 1_000; each++) lane.putOffUntilMs(0, () => 1);
    expect(lane.putOffUntilMs(0, () => 1)).toBe(250 + 2_505);
    for (let each = 0; each < 100_000; each++) lane.putOffUntilMs(0, () => 1);
    expect(lane.putOffUntilMs(0, () => 1)).toBe(30_000);
    expect(lane.putOffUntilMs(0, () => 0)).toBe(0);
    expect(lane.putOffUntilMs(30_001, () => 1)).toBe(30_001 + 253);
  });

  it("spreads what it puts off while it pauses behind the pause, a thousand in a second", () => {
    const lane = make();
    for (let each = 0; each < 3; each++) fail(lane, 0);
    expect(lane.putOffUntilMs(0, () => 0)).toBe(1_000);
    for (let each = 0; each < 998; each++) lane.putOffUntilMs(0, () => 1);
    expect(lane.putOffUntilMs(0, () => 1)).toBe(1_000 + 250 + 1_000);
  });
});
