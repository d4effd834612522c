import { type ToldRow, toldOf } from "./rows.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import type { NotificationColumns } from "./sqlite-forms.ts";
import { lastIdOf } from "./sqlite-submit.ts";
import type { ClaimRequest, NotificationRecord, NotificationVerdict } from "./types.ts";

/* The queue of results of a push is its deliveries in the order of `result_seq`; `notified` of its progress says how far it is. */

/** The delivery whose result is told next. */
const head = `CASE recipients WHEN 1 THEN push ELSE
  (SELECT id FROM deliveries r INDEXED BY results WHERE r.push = g.push AND r.result_seq = g.notified + 1) END`;
const selectDue = `SELECT g.push, g.notified + 1 AS result_seq, g.notify_attempts + 1 AS notify_attempts, p.notify_url, p.initiator,
    p.push_id, p.accepted_at, d.address, d.state, d.pap_code, d.reason, d.event_at, p.priority, p.delivery_method,
    p.application_data
  FROM (SELECT *, ${head} AS head FROM progress g INDEXED BY notify_due WHERE notify_due_at <= ?
    ORDER BY notify_due_at, push LIMIT ?) g
  CROSS JOIN pushes p ON p.id = g.push CROSS JOIN deliveries d ON d.id = g.head`;
const take = `UPDATE progress SET notify_due_at = ?, notify_owner = ?, notify_attempts = notify_attempts + 1 WHERE push IN
  (SELECT push FROM progress INDEXED BY notify_due WHERE notify_due_at <= ? ORDER BY notify_due_at, push LIMIT ?)`;

const selectHeld = `SELECT ${head}, notify_attempts FROM progress g WHERE push = ? AND notify_owner = ? AND notified = ? - 1`;
const again = "UPDATE progress SET notify_due_at = ?, notify_owner = NULL WHERE push = ?";
const postpone =
  "UPDATE progress SET notify_due_at = ?, notify_owner = NULL, notify_attempts = notify_attempts - 1 WHERE push = ?";
const goOn = `UPDATE progress SET notified = notified + 1, notify_owner = NULL, notify_attempts = 0,
  notify_due_at = CASE WHEN results > notified + 1 THEN ? ELSE NULL END WHERE push = ?`;
const markTold = "UPDATE deliveries SET told = ?, told_attempts = ?, told_at = ? WHERE id = ?";

export function claimNotifications(db: SqliteDatabase, request: ClaimRequest): NotificationColumns[] {
  const { owner, limit, nowMs, leaseMs } = request;
  const rows = db.rows<NotificationColumns>(selectDue, nowMs, limit);
  if (rows.length > 0) db.run(take, nowMs + leaseMs, owner, nowMs, limit);
  return rows;
}

export function settleNotifications(db: SqliteDatabase, verdicts: readonly NotificationVerdict[]): boolean[] {
  return verdicts.map(({ notification: { push, owner, sequence }, verdict, atMs }) => {
    const held = db.row<[number, number]>(selectHeld, push, owner, sequence);
    if (held === undefined) return false;
    db.announceWork("results");
    if (verdict === "postponed") return db.run(postpone, atMs, push) === 1;
    if (verdict === "retry") return db.run(again, atMs, push) === 1;
    const [delivery, attempts] = held;
    db.run(goOn, atMs, push);
    db.run(markTold, verdict, attempts, atMs, delivery);
    return true;
  });
}

export function notificationsOf(db: SqliteDatabase, push: number): NotificationRecord[] {
  const sql = `SELECT d.id AS delivery, coalesce(d.result_seq, 1) AS sequence, d.told, d.told_attempts, d.told_at, g.notified,
      g.notify_attempts, g.notify_due_at
    FROM progress g JOIN deliveries d ON d.push = g.push AND d.notify = 1 AND d.due_at IS NULL
    WHERE g.push = ? AND d.id BETWEEN ? AND ? ORDER BY sequence`;
  return db.all<ToldRow>(sql, push, push, lastIdOf(db, push)).map(toldOf);
}
