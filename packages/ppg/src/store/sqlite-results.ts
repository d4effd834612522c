import { type NotificationRow, notificationOf } from "./rows.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import type { ClaimRequest, NotificationVerdict, ResultNotification } from "./types.ts";

/* The queue of results of a push is its deliveries in the order of `result_seq`; `notified` of the push says how far it is. */

const selectDue =
  "SELECT id FROM pushes INDEXED BY notify_due WHERE notify_due_at <= ? ORDER BY notify_due_at, id LIMIT ?";
const take = `UPDATE pushes SET notify_due_at = ?, notify_owner = ?, notify_attempts = notify_attempts + 1 WHERE id = ?`;
const selectHead = `SELECT d.push, d.result_seq, p.notify_attempts, p.notify_url, p.initiator, p.push_id, p.accepted_at, d.address,
  d.state, d.pap_code, d.reason, d.event_at
  FROM pushes p JOIN deliveries d ON d.push = p.id AND d.result_seq = p.notified + 1 WHERE p.id = ?`;

const again = `UPDATE pushes SET notify_due_at = ?, notify_owner = NULL
  WHERE id = ? AND notify_owner = ? AND notified = ? - 1`;
const goOn = `UPDATE pushes SET notified = notified + 1, notify_owner = NULL, notify_attempts = 0,
  notify_due_at = CASE WHEN results > notified + 1 THEN ? ELSE NULL END
  WHERE id = ? AND notify_owner = ? AND notified = ? - 1`;

export function claimNotifications(db: SqliteDatabase, request: ClaimRequest): ResultNotification[] {
  const { owner, limit, nowMs, leaseMs } = request;
  return db.all<{ id: number }>(selectDue, nowMs, limit).flatMap(({ id }) => {
    db.run(take, nowMs + leaseMs, owner, id);
    const row = db.all<NotificationRow>(selectHead, id)[0];
    return row === undefined ? [] : [notificationOf(row, owner)];
  });
}

export function settleNotifications(db: SqliteDatabase, verdicts: readonly NotificationVerdict[]): boolean[] {
  return verdicts.map(({ notification, verdict, atMs }) => {
    const { push, owner, sequence } = notification;
    const settled = db.run(verdict === "retry" ? again : goOn, atMs, push, owner, sequence) === 1;
    if (settled) db.announceWork();
    return settled;
  });
}
