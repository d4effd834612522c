import { setImmediate as nextTurn } from "node:timers/promises";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BriefMap } from "./brief-map.ts";
import { heapBytes } from "./events/testdata/heap.ts";

/** Few keys, so that the same ones come and go; those that only a Map tells apart, or does not. */
const key = fc.constantFrom<unknown>("a", "b", "1", 1, 2, 0, -0, Number.NaN, undefined, null);
const value = fc.option(fc.nat(9), { nil: undefined });
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), key, value }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("get", "has", "take", "delete"), key }) },
  { weight: 1, arbitrary: fc.constant({ kind: "clear" as const }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What a Map says to that; it has no `take`. */
function expected(map: Map<unknown, unknown>, each: Step): unknown {
  if (each.kind === "clear") return map.clear();
  if ("value" in each) return void map.set(each.key, each.value);
  if (each.kind === "has") return map.has(each.key);
  if (each.kind === "get") return map.get(each.key);
  const was = map.get(each.key);
  const deleted = map.delete(each.key);
  return each.kind === "take" ? was : deleted;
}

function said(map: BriefMap<unknown, unknown>, each: Step): unknown {
  if (each.kind === "clear") return map.clear();
  if ("value" in each) return map.set(each.key, each.value);
  return map[each.kind](each.key);
}

const iterators = ["keys", "values", Symbol.iterator] as const;

describe("BriefMap", () => {
  it("says and holds what a Map would, in its order", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const map = new BriefMap<unknown, unknown>();
        const model = new Map<unknown, unknown>();
        for (const each of steps) {
          expect(said(map, each)).toBe(expected(model, each));
          expect(map.size).toBe(model.size);
          expect([...map]).toEqual([...model]);
          expect([...map.keys()]).toEqual([...model.keys()]);
          expect([...map.values()]).toEqual([...model.values()]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each(iterators)("is walked by %s as a Map is while entries come and go", (by) => {
    const script = fc.array(fc.array(step, { maxLength: 3 }), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 15 }), script, (before, meanwhile) => {
        const map = new BriefMap<unknown, unknown>();
        const model = new Map<unknown, unknown>();
        for (const each of before) said(map, each);
        for (const each of before) expected(model, each);
        const seen: unknown[] = [];
        let turn = 0;
        for (const each of map[by]()) {
          seen.push(each);
          for (const change of meanwhile[turn++] ?? []) said(map, change);
        }
        const seenInModel: unknown[] = [];
        turn = 0;
        for (const each of model[by]()) {
          seenInModel.push(each);
          for (const change of meanwhile[turn++] ?? []) expected(model, change);
        }
        expect(seen).toEqual(seenInModel);
        expect([...map]).toEqual([...model]);
      }),
      { numRuns: 300 },
    );
  });

  it("tells an entry whose value is undefined from none", () => {
    const map = new BriefMap<string, undefined>();
    map.set("there", undefined);
    expect([map.has("there"), map.has("not there"), map.size]).toEqual([true, false, 1]);
    expect([...map]).toEqual([["there", undefined]]);
    expect([map.delete("not there"), map.delete("there"), map.delete("there"), map.size]).toEqual([
      false,
      true,
      false,
      0,
    ]);
  });

  it.each(["take", "delete", "clear"] as const)("does not hold the value of an entry after %s", async (by) => {
    const map = new BriefMap<string, object>();
    const comeAndGo = (): WeakRef<object> => {
      const big = new Uint8Array(10);
      map.set("stays", {});
      map.set("goes", big);
      map[by]("goes");
      return new WeakRef(big);
    };
    const gone = comeAndGo();
    // A WeakRef holds what it refers to until the end of the turn.
    await nextTurn();
    heapBytes();
    expect(gone.deref()).toBeUndefined();
  });

  it("needs no more room for many that come and go than for those there at a time", () => {
    const map = new BriefMap<number, Uint8Array>();
    const before = heapBytes();
    for (let number = 0; number < 200_000; number++) {
      map.set(number, new Uint8Array(0));
      map.delete(number - 10);
    }
    expect(map.size).toBe(10);
    expect(heapBytes() - before).toBeLessThan(500_000);
  });
});
