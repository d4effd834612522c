import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../testing/virtual-clock.ts";
import { backoffDelayMs, ConnectBackoff } from "./backoff.ts";

describe("the wait after failures in a row (RFC 5626 §4.5)", () => {
  const rows = [
    [1, 1000],
    [2, 2000],
    [3, 4000],
    [5, 16_000],
    [6, 30_000],
    [60, 30_000],
    [5000, 30_000],
  ] as const;

  it.each(rows)("after %i failures is %i ms at most and half of it at least", (failures, longestMs) => {
    expect(backoffDelayMs(failures, {}, () => 0)).toBe(longestMs / 2);
    expect(backoffDelayMs(failures, {}, () => 0.999_999_999)).toBeCloseTo(longestMs, 3);
  });

  it("takes the example of RFC 5626: base 30 s, three failures, 120 to 240 s", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (chance) => {
        const delayMs = backoffDelayMs(3, { baseMs: 30_000, maxMs: 1_800_000 }, () => chance);
        expect(delayMs).toBeGreaterThanOrEqual(120_000);
        expect(delayMs).toBeLessThanOrEqual(240_000);
      }),
    );
  });
});

describe("ConnectBackoff", () => {
  it("keeps peers apart", () => {
    const backoff = new ConnectBackoff(new VirtualClock(), () => 0, {});
    backoff.failed("a");
    expect(backoff.remainingMs("a")).toBe(500);
    expect(backoff.remainingMs("b")).toBe(0);
  });

  it("forgets the peer that failed first when it remembers 10000", () => {
    const backoff = new ConnectBackoff(new VirtualClock(), () => 0, {});
    for (let peer = 0; peer <= 10_000; peer++) backoff.failed(String(peer));
    expect(backoff.remainingMs("0")).toBe(0);
    expect(backoff.remainingMs("1")).toBe(500);
    expect(backoff.remainingMs("10000")).toBe(500);
  });
});
