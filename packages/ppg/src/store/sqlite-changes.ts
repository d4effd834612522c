import { isFinal } from "../delivery/delivery.machine.ts";
import type { DeliveryRow } from "./rows.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import type { DeliveryAdvance } from "./types.ts";

/** What a change of state writes, besides the row it changes. */
export type DeliveryChange = Omit<DeliveryAdvance, "lease">;

/**
 * Changes the state of a delivery that the caller has just read: row, timeline, the push's count of open recipients and its
 * queue of results. Nobody holds it afterwards.
 */
export function changeDelivery(db: SqliteDatabase, row: DeliveryRow, change: DeliveryChange): void {
  const { to, atMs, dueAtMs, sipStatus, papCode, reason } = change;
  const sequence = isFinal(to) ? finishOne(db, row.push, atMs) : null;
  db.run(
    "UPDATE deliveries SET state = ?, due_at = ?, owner = NULL, version = version + 1, sip_status = ?, pap_code = ?, reason = ?, event_at = ?, result_seq = ? WHERE id = ?",
    to,
    dueAtMs,
    sipStatus,
    papCode,
    reason,
    atMs,
    sequence,
    row.id,
  );
  db.run(
    "INSERT INTO timeline (delivery, version, at, state, sip_status, pap_code, reason, started_at, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    row.id,
    row.version + 1,
    atMs,
    to,
    sipStatus,
    papCode,
    reason,
    change.attemptStartedAtMs,
    row.owner,
  );
  db.count(row.state, -1);
  db.count(to, 1);
}

/** Returns the place of the result in the push's queue; null when nobody wants results. */
function finishOne(db: SqliteDatabase, push: number, atMs: number): number | null {
  const sql = `UPDATE pushes SET open = open - 1, results = results + 1,
    finished_at = CASE WHEN open = 1 THEN ? ELSE NULL END,
    notify_due_at = CASE WHEN notify_url IS NULL THEN NULL ELSE coalesce(notify_due_at, ?) END
    WHERE id = ? RETURNING results, notify_url`;
  const row = db.all<{ results: number; notify_url: string | null }>(sql, atMs, atMs, push)[0];
  if (row === undefined || row.notify_url === null) return null;
  db.announceWork();
  return row.results;
}
