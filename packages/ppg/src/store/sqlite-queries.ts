import { isFinal } from "../delivery/delivery.machine.ts";
import {
  callIdOf,
  checkLimit,
  conditionsOf,
  DELIVERY_COLUMNS,
  type DeliveryRow,
  deliveryOf,
  idOfCallId,
  PUSH_SUMMARY_COLUMNS,
  type PushRow,
  pushOf,
  pushSummaryOf,
  stateCountsOf,
  type TimelineRow,
  timelineEntryOf,
} from "./rows.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { deliveriesOf } from "./sqlite-submit.ts";
import { statusOf } from "./status.ts";
import type {
  DeliveryPage,
  DeliveryQuery,
  DeliveryRecord,
  PushSelector,
  PushStatus,
  StateCounts,
  StoredPush,
  TimelineEntry,
} from "./types.ts";

export function pushStatus(db: SqliteDatabase, selector: PushSelector): PushStatus | undefined {
  const sql = `SELECT ${PUSH_SUMMARY_COLUMNS} FROM pushes WHERE initiator = ? AND push_id = ?`;
  const row = db.all<Omit<PushRow, "content" | "capabilities">>(sql, selector.initiator, selector.pushId)[0];
  if (row === undefined) return undefined;
  return statusOf(pushSummaryOf(row), deliveriesOf(db, row.id).map(deliveryOf), selector.addresses);
}

export function pushById(db: SqliteDatabase, id: number): StoredPush | undefined {
  const row = db.all<PushRow>("SELECT * FROM pushes WHERE id = ?", id)[0];
  return row === undefined ? undefined : pushOf(row);
}

export function deliveryById(db: SqliteDatabase, id: number): DeliveryRecord | undefined {
  const row = db.all<DeliveryRow>(`SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = ?`, id)[0];
  return row === undefined ? undefined : deliveryOf(row);
}

export function deliveryByCallId(db: SqliteDatabase, callId: string): DeliveryRecord | undefined {
  const id = idOfCallId(callId);
  if (id === undefined) return undefined;
  const row = db.all<DeliveryRow>(`SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = ?`, id)[0];
  return row !== undefined && callIdOf(row) === callId ? deliveryOf(row) : undefined;
}

export function timelineOf(db: SqliteDatabase, delivery: number): TimelineEntry[] {
  return db
    .all<TimelineRow>("SELECT * FROM timeline WHERE delivery = ? ORDER BY version", delivery)
    .map(timelineEntryOf);
}

export function findDeliveries(db: SqliteDatabase, query: DeliveryQuery): DeliveryPage {
  checkLimit(query.limit);
  const { where, values } = conditionsOf(query);
  const columns = DELIVERY_COLUMNS.replace(/\w+/g, "d.$&");
  const sql = `SELECT ${columns}, p.initiator, p.push_id FROM deliveries d JOIN pushes p ON p.id = d.push ${where}
    ORDER BY d.id DESC LIMIT ?`;
  type Row = DeliveryRow & { initiator: string; push_id: string };
  const rows = db.all<Row>(sql, ...values, query.limit + 1);
  const page = rows.slice(0, query.limit);
  const deliveries = page.map((row) => ({ ...deliveryOf(row), initiator: row.initiator, pushId: row.push_id }));
  return { deliveries, next: rows.length > page.length ? (page.at(-1)?.id ?? null) : null };
}

export function countByState(db: SqliteDatabase): StateCounts {
  return stateCountsOf(db.all<{ state: string; n: number }>("SELECT state, n FROM state_counts"));
}

export function nextDueAt(db: SqliteDatabase): number | undefined {
  const sql = `SELECT min(at) AS at FROM (
    SELECT min(due_at) AS at FROM deliveries INDEXED BY due WHERE priority = 0 AND due_at IS NOT NULL
    UNION ALL SELECT min(due_at) FROM deliveries INDEXED BY due WHERE priority = 1 AND due_at IS NOT NULL
    UNION ALL SELECT min(due_at) FROM deliveries INDEXED BY due WHERE priority = 2 AND due_at IS NOT NULL
    UNION ALL SELECT min(notify_due_at) FROM pushes INDEXED BY notify_due WHERE notify_due_at IS NOT NULL)`;
  return db.all<{ at: number | null }>(sql)[0]?.at ?? undefined;
}

/** Deletes finished pushes with all that belongs to them, in the transaction that runs. */
export function prunePushes(db: SqliteDatabase, finishedBeforeMs: number, limit: number): number {
  checkLimit(limit);
  const sql = `SELECT id FROM pushes INDEXED BY finished WHERE finished_at < ? AND notify_due_at IS NULL
    ORDER BY finished_at LIMIT ?`;
  const pushes = db.all<{ id: number }>(sql, finishedBeforeMs, limit);
  for (const { id } of pushes) {
    for (const row of deliveriesOf(db, id)) {
      db.run("DELETE FROM timeline WHERE delivery = ?", row.id);
      if (isFinal(row.state)) db.count(row.state, -1);
    }
    db.run("DELETE FROM deliveries WHERE push = ?", id);
    db.run("DELETE FROM pushes WHERE id = ?", id);
  }
  return pushes.length;
}
