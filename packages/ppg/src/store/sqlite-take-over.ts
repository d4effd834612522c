import type { SqliteDatabase } from "./sqlite-database.ts";

/** Before all that has a time: it comes first. */
const NOW = 0;
const held = [0, 1, 2].map(
  (priority) => `UPDATE deliveries SET due_at = ? WHERE id IN (SELECT id FROM deliveries INDEXED BY due
    WHERE priority = ${priority} AND due_at IS NOT NULL AND owner IS NOT NULL)`,
);
const heldResults = `UPDATE progress SET notify_due_at = ? WHERE push IN (SELECT push FROM progress INDEXED BY notify_due
  WHERE notify_due_at IS NOT NULL AND notify_owner IS NOT NULL)`;

/** Makes everything due that somebody holds. Returns how many deliveries, and pushes whose result was being told. */
export function takeOver(db: SqliteDatabase): number {
  const deliveries = held.reduce((sum, sql) => sum + db.run(sql, NOW), 0);
  const results = db.run(heldResults, NOW);
  if (deliveries > 0) db.announceWork("deliveries");
  if (results > 0) db.announceWork("results");
  return deliveries + results;
}
