import { isFinal } from "../delivery/delivery.machine.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import type { SqliteLookup } from "./sqlite-lookup.ts";

const select = `SELECT push, recipients FROM progress INDEXED BY finished WHERE finished_at < ?
  AND finished_at IS NOT NULL AND notify_due_at IS NULL
  ORDER BY finished_at LIMIT ?`;

/** Deletes finished pushes with all that belongs to them, in the transaction that runs. */
export function prunePushes(db: SqliteDatabase, lookup: SqliteLookup, finishedBeforeMs: number, limit: number): number {
  const pushes = db.rows<[number, number]>(select, finishedBeforeMs, limit);
  let [deliveries, lastId] = [0, 0];
  let pruned = 0;
  for (const [push, recipients] of pushes) {
    if (deliveries >= limit) break;
    pruned += 1;
    const last = push + recipients - 1;
    for (const [state] of db.rows<[string]>("SELECT state FROM deliveries WHERE id BETWEEN ? AND ?", push, last))
      if (isFinal(state)) db.count(state, -1);
    db.run("DELETE FROM deliveries WHERE id BETWEEN ? AND ?", push, last);
    db.run("DELETE FROM progress WHERE push = ?", push);
    db.run("DELETE FROM pushes WHERE id = ?", push);
    deliveries += recipients;
    lastId = Math.max(lastId, last);
  }
  if (pruned > 0) lookup.forget(deliveries, lastId);
  return pruned;
}
