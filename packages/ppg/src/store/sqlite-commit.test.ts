import { expect, it } from "vitest";
import { StoreError } from "./errors.ts";
import { commitCalls } from "./sqlite-commit.ts";
import type { Outcome, SqliteDatabase } from "./sqlite-database.ts";
import type { SqliteLookup } from "./sqlite-lookup.ts";

const full: Outcome = { error: new StoreError("STORE_UNAVAILABLE", "database or disk is full") };

it.each([
  ["committed", { value: undefined }, 1],
  ["rolled back, as by a disk that is full at the commit", full, 0],
] as const)(
  "what goes from memory into the look-up table is forgotten there when it is committed: %s",
  (_, outcome, times) => {
    let merged = 0;
    const lookup = { mergeSome: () => () => void merged++ } as unknown as SqliteLookup;
    const commit = (calls: readonly (() => unknown)[]): Outcome[] => calls.map((call) => (call(), outcome));
    expect(commitCalls({ commit } as unknown as SqliteDatabase, lookup, [])).toEqual([]);
    expect(merged).toBe(times);
  },
);
