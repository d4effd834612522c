import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRandom } from "../testing/index.ts";
import { orderSrv } from "./records.ts";
import type { SrvRecord } from "./resolver.ts";

const record = (target: string, weight: number, priority = 0): SrvRecord => ({ priority, weight, port: 5060, target });

/** How often each target came first in `runs` draws. */
function firsts(records: readonly SrvRecord[], runs: number): Record<string, number> {
  const random = seededRandom(2782);
  const counts: Record<string, number> = {};
  for (let i = 0; i < runs; i++) {
    const [first] = orderSrv(records, random);
    const target = first?.target ?? "none";
    counts[target] = (counts[target] ?? 0) + 1;
  }
  return counts;
}

describe("orderSrv (RFC 2782)", () => {
  test("draws in proportion to weight: 1, 3 and 6 of ten", () => {
    const counts = firsts([record("c", 600), record("a", 100), record("b", 300)], 10_000);
    expect(counts["a"]).toBeGreaterThan(900);
    expect(counts["a"]).toBeLessThan(1100);
    expect(counts["b"]).toBeGreaterThan(2850);
    expect(counts["b"]).toBeLessThan(3150);
    expect(counts["c"]).toBeGreaterThan(5850);
    expect(counts["c"]).toBeLessThan(6150);
  });

  test("leaves weight 0 a small chance beside others: one in the sum plus one", () => {
    const counts = firsts([record("heavy", 99), record("zero", 0)], 10_000);
    expect(counts["zero"]).toBeGreaterThan(60);
    expect(counts["zero"]).toBeLessThan(140);
  });

  test("the second draw is by weight among those left", () => {
    const random = seededRandom(1);
    let second = 0;
    for (let i = 0; i < 6000; i++) {
      const order = [...orderSrv([record("first", 1), record("x", 1000), record("y", 3000)], random)];
      if (order[0]?.target === "x" && order[1]?.target === "y") second++;
    }
    // x first in a quarter of the runs, and then y in all but one of 3000.
    expect(second / 6000).toBeGreaterThan(0.23);
    expect(second / 6000).toBeLessThan(0.27);
  });

  test("a fixed draw gives a fixed order, as a stateless proxy needs (RFC 3263 §4.4)", () => {
    const records = [record("b", 2), record("a", 1), record("z", 0), record("p", 9, 5)];
    expect([...orderSrv(records, () => 0)].map(({ target }) => target)).toEqual(["z", "a", "b", "p"]);
    expect([...orderSrv(records, () => 0.999_999)].map(({ target }) => target)).toEqual(["b", "a", "z", "p"]);
  });

  test("gives each record once, priorities in order, whatever is drawn (property)", () => {
    const any = fc.record({
      priority: fc.nat(3),
      weight: fc.oneof(fc.constant(0), fc.nat(65_535)),
      port: fc.nat(65_535),
      target: fc.string(),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 20 }), fc.nat(), (records, seed) => {
        const order = [...orderSrv(records, seededRandom(seed))];
        expect(new Set(order)).toEqual(new Set(records));
        expect(order).toHaveLength(records.length);
        const priorities = order.map(({ priority }) => priority);
        expect(priorities).toEqual(priorities.toSorted((a, b) => a - b));
      }),
    );
  });
});
