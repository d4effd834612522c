import { isFinal } from "../delivery/delivery.machine.ts";
import { type TakenBackRow, takenBackOf, timelineLine } from "./rows.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { cancelledChange } from "./take-back.ts";
import type { DeliveryAdvance, TakeBackReason } from "./types.ts";

/** What a change of state writes, besides the row it changes. */
export type DeliveryChange = Omit<DeliveryAdvance, "lease">;

/** What a change must know of a delivery as it is; columns of {@link CHANGE_COLUMNS}. */
export type DeliveryAsItIs = readonly [
  id: number,
  push: number,
  recipients: number,
  notify: number,
  state: string,
  owner: string | null,
  version: number,
  attempts: number,
  sipStatus: number | null,
  cancelRequested: number,
  behind: number | null,
];
export const CHANGE_COLUMNS =
  "id, push, recipients, notify, state, owner, version, attempts, sip_status, cancel_requested, behind";

const update = `UPDATE deliveries SET state = ?, due_at = ?, owner = NULL, version = ?, sip_status = ?, pap_code = ?, reason = ?,
  event_at = ?, result_seq = ?, timeline = timeline || ? WHERE id = ?`;
const uncount = "UPDATE deliveries SET attempts = attempts - 1 WHERE id = ?";
const finishOnly = `INSERT INTO progress (push, recipients, results, notify_due_at, finished_at) VALUES (?, 1, 1, ?, ?)`;
const finishOneOfMany = `INSERT INTO progress (push, recipients, results, notify_due_at) VALUES (?, ?, 1, ?)
  ON CONFLICT (push) DO UPDATE SET results = results + 1, notify_due_at = coalesce(notify_due_at, excluded.notify_due_at),
    finished_at = CASE WHEN results + 1 = recipients THEN ? ELSE NULL END RETURNING results`;

/**
 * Changes the state of a delivery that the caller has just read: row, timeline, the push's progress and its queue of results.
 * Nobody holds it afterwards.
 */
export function changeDelivery(db: SqliteDatabase, row: DeliveryAsItIs, change: DeliveryChange): void {
  const [id, , , , state, owner, version] = row;
  const { to, atMs, dueAtMs, sipStatus, papCode, reason } = change;
  const sequence = isFinal(to) ? finishOne(db, row, atMs) : null;
  const line = timelineLine(version + 1, change, owner);
  db.run(update, to, dueAtMs, version + 1, sipStatus, papCode, reason, atMs, sequence, line, id);
  if (change.unsent === true) db.run(uncount, id);
  db.count(state, -1);
  db.count(to, 1);
}

const selectTakenBack = `SELECT d.id, d.push, d.recipient, p.initiator, p.push_id, p.accepted_at
  FROM deliveries d JOIN pushes p ON p.id = d.push WHERE d.id = ?`;

/** Ends a delivery that its initiator took back, and says so when that is committed. */
export function endTakenBack(db: SqliteDatabase, row: DeliveryAsItIs, reason: TakeBackReason, nowMs: number): void {
  const [id, , , , state, , , , sipStatus] = row;
  const change = cancelledChange({ state, sipStatus }, reason, nowMs);
  changeDelivery(db, row, change);
  const [told] = db.all<TakenBackRow>(selectTakenBack, id);
  if (told !== undefined) db.announceTakenBack(takenBackOf(told, state, change));
}

/** Returns the place of the result in the queue of a push with several recipients. */
function finishOne(db: SqliteDatabase, [, push, recipients, notify]: DeliveryAsItIs, atMs: number): number | null {
  const dueAt = notify === 1 ? atMs : null;
  if (notify === 1) db.announceWork("results");
  if (recipients > 1) return db.row<[number]>(finishOneOfMany, push, recipients, dueAt, atMs)?.[0] ?? null;
  db.run(finishOnly, push, dueAt, atMs);
  return null;
}
