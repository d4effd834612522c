import { seededRandom } from "@sip-push/sip/testing";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultRetryRules, planRetry, type RetryableEvent, type RetrySituation } from "./retry-policy.ts";

const situation: RetrySituation = {
  event: "unavailable",
  attempts: 1,
  nowMs: 1_000_000,
  deliverBeforeMs: null,
  retryAfterSeconds: undefined,
};
const none = () => 0;
const plan = (changes: Partial<RetrySituation>, random = none) =>
  planRetry(defaultRetryRules, { ...situation, ...changes }, random);
const waitMs = (changes: Partial<RetrySituation>, random = none) => plan(changes, random).dueAtMs - situation.nowMs;

describe("retry policy", () => {
  it("doubles the wait up to the longest", () => {
    const waits = [1, 2, 3, 4, 10, 11, 12, 1_000].map((attempts) => waitMs({ attempts }));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 512_000, 600_000, 600_000, 600_000]);
  });

  it("leaves a share of the wait to chance", () => {
    expect(waitMs({}, () => 0.5)).toBe(750);
    const random = seededRandom(1);
    const waits = Array.from({ length: 200 }, () => waitMs({ attempts: 4 }, random));
    expect(new Set(waits).size).toBeGreaterThan(100);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(4_000);
    expect(Math.max(...waits)).toBeLessThanOrEqual(8_000);
  });

  it("honours Retry-After when it is longer than its own wait (RFC 3261 20.33)", () => {
    expect(waitMs({ retryAfterSeconds: 120 }, () => 0.999)).toBe(120_000);
    expect(waitMs({ retryAfterSeconds: 0 })).toBe(1_000);
  });

  it("has rules of its own for whoever does not answer or is not registered", () => {
    expect(waitMs({ event: "noAnswer" })).toBe(5_000);
    expect(waitMs({ event: "absent" })).toBe(60_000);
  });

  it.each(["unavailable", "noAnswer", "absent"] as const)("%s: gives up after so many attempts", (event) => {
    const { maxAttempts } = defaultRetryRules[event];
    expect(plan({ event, attempts: maxAttempts - 1 }).retryLeft).toBe(true);
    expect(plan({ event, attempts: maxAttempts }).retryLeft).toBe(false);
  });

  it("begins with Retry-After where its own first wait is longer", () => {
    const waits = [1, 2, 3, 8].map((attempts) => waitMs({ event: "absent", attempts, retryAfterSeconds: 6 }));
    expect(waits).toEqual([6_000, 12_000, 24_000, 768_000]);
  });

  it.each(["unavailable", "noAnswer", "absent"] as const)("%s: waits for deliver-before, and no longer", (event) => {
    const { initialMs } = defaultRetryRules[event];
    for (const leftMs of [1, initialMs - 1, initialMs, 2 * initialMs - 1])
      expect(waitMs({ event, attempts: 7, deliverBeforeMs: situation.nowMs + leftMs })).toBe(leftMs);
    expect(waitMs({ event, deliverBeforeMs: situation.nowMs + 3_000, retryAfterSeconds: 600 })).toBe(3_000);
  });

  it.each([
    ["unavailable", 9_000],
    ["noAnswer", 5_000],
    ["absent", undefined],
  ] as const)("%s: tries a last time before deliver-before, when its wait would pass that", (event, lastMs) => {
    const deliverBeforeMs = situation.nowMs + 10_000;
    expect(waitMs({ event, attempts: 7, deliverBeforeMs })).toBe(lastMs ?? 10_000);
    expect(waitMs({ event, attempts: 7, deliverBeforeMs, retryAfterSeconds: 10 })).toBe(10_000);
  });

  it("never plans a try in the past, or after deliver-before", () => {
    const arbitrary = fc.record({
      event: fc.constantFrom<RetryableEvent>("unavailable", "absent", "noAnswer"),
      attempts: fc.integer({ min: 1, max: 10_000 }),
      nowMs: fc.nat(2 ** 45),
      leftMs: fc.option(fc.integer({ min: 1, max: 2 ** 40 })),
      retryAfterSeconds: fc.option(fc.nat(1_000_000), { nil: undefined }),
    });
    const property = fc.property(
      arbitrary,
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      ({ leftMs, ...given }, chance) => {
        const deliverBeforeMs = leftMs === null ? null : given.nowMs + leftMs;
        const { dueAtMs } = planRetry(defaultRetryRules, { ...given, deliverBeforeMs }, () => chance);
        expect(Number.isInteger(dueAtMs)).toBe(true);
        expect(dueAtMs).toBeGreaterThan(given.nowMs);
        expect(dueAtMs).toBeLessThanOrEqual(deliverBeforeMs ?? Number.POSITIVE_INFINITY);
        const askedMs = (given.retryAfterSeconds ?? 0) * 1_000;
        expect(dueAtMs - given.nowMs).toBeGreaterThanOrEqual(Math.min(askedMs, leftMs ?? askedMs));
      },
    );
    fc.assert(property);
  });
});
