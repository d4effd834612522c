import { describe, expect, it } from "vitest";
import { StoreError } from "./errors.ts";
import { Grouping } from "./grouping.ts";

/** Puts calls into one group: the first is under way meanwhile. Returns how each ended, and the groups that were run. */
async function endsOf(run: (items: readonly string[]) => Promise<string[]>): Promise<[string[], string[][]]> {
  const groups: string[][] = [];
  const first = Promise.withResolvers<string[]>();
  const grouping = new Grouping<string, string>(
    (items) => {
      groups.push([...items]);
      return groups.length === 1 ? first.promise : run(items);
    },
    100,
    1,
  );
  const before = grouping.add(["before"]);
  const calls = [["a"], ["b", "c"], ["d"]].map((items) => grouping.add(items));
  first.resolve(["done"]);
  await before;
  const ends = await Promise.allSettled(calls);
  return [
    ends.map((end) => (end.status === "fulfilled" ? end.value.join(" ") : String(end.reason.code))),
    groups.slice(1),
  ];
}

describe("a group of calls that fails", () => {
  it("is tried call by call when it was refused, so that none fails for the mistake of another", async () => {
    const [ends, groups] = await endsOf((items) =>
      items.includes("c") ? Promise.reject(new StoreError("STORE_BAD_INPUT", "c")) : Promise.resolve([...items]),
    );
    expect(ends).toEqual(["a", "STORE_BAD_INPUT", "d"]);
    expect(groups).toEqual([["a", "b", "c", "d"], ["a"], ["b", "c"], ["d"]]);
  });

  it("fails at once while the database is away: each would wait for it anew, one after the other", async () => {
    const [ends, groups] = await endsOf(() => Promise.reject(new StoreError("STORE_UNAVAILABLE", "away")));
    expect(ends).toEqual(["STORE_UNAVAILABLE", "STORE_UNAVAILABLE", "STORE_UNAVAILABLE"]);
    expect(groups).toHaveLength(1);
  });
});
