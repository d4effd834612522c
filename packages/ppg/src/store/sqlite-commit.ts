import { performCall } from "./sqlite-calls.ts";
import type { Outcome, SqliteDatabase } from "./sqlite-database.ts";
import type { SqliteLookup } from "./sqlite-lookup.ts";
import type { ThreadCall } from "./sqlite-messages.ts";

/** Commits calls together, with the share of the look-up table's work that goes with them. Outcomes in the order of the calls. */
export function commitCalls(
  db: SqliteDatabase,
  lookup: SqliteLookup,
  group: readonly ThreadCall[],
): readonly Outcome[] {
  let merged = (): void => {};
  const calls = group.map(
    ([, name, args]) =>
      () =>
        performCall(db, lookup, name, args),
  );
  const outcomes = db.commit([...calls, () => void (merged = lookup.mergeSome())]);
  const last = outcomes.at(-1);
  // What was rolled back is to be merged again: forgotten, its push-ids would be taken twice.
  if (last !== undefined && !("error" in last)) merged();
  return outcomes.slice(0, -1);
}
