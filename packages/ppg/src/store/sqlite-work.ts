import { isFinal } from "../delivery/delivery.machine.ts";
import { checkedAdvance, tryAgainAfterCancel } from "./advance-rules.ts";
import { claimedOf, DELIVERY_COLUMNS, type DeliveryRow, type PushRow, pushOf } from "./rows.ts";
import { changeDelivery } from "./sqlite-changes.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { cancelledChange } from "./take-back.ts";
import type {
  AdvanceResult,
  ClaimedDelivery,
  ClaimRequest,
  DeliveryAdvance,
  DeliveryLease,
  StoredPush,
} from "./types.ts";

/** Each priority by itself, so that the index of what is due gives the order and nothing is sorted. */
const selectDue = [0, 1, 2].map(
  (priority) =>
    `SELECT ${DELIVERY_COLUMNS} FROM deliveries INDEXED BY due WHERE priority = ${priority} AND due_at <= ? ORDER BY due_at, id LIMIT ?`,
);
const takeDelivery =
  "UPDATE deliveries SET state = ?, due_at = ?, owner = ?, version = version + 1, attempts = ? WHERE id = ?";
const selectDelivery = `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = ?`;

export function claimDeliveries(db: SqliteDatabase, request: ClaimRequest): ClaimedDelivery[] {
  const { owner, limit, nowMs, leaseMs } = request;
  const rows: DeliveryRow[] = [];
  for (const sql of selectDue) {
    if (rows.length < limit) rows.push(...db.all<DeliveryRow>(sql, nowMs, limit - rows.length));
  }
  const pushes = new Map<number, StoredPush>();
  return rows.map((row) => {
    const waiting = row.state === "waiting-report";
    const state = waiting ? row.state : "sending";
    const attempts = row.attempts + (waiting ? 0 : 1);
    const dueAt = nowMs + leaseMs;
    db.run(takeDelivery, state, dueAt, owner, attempts, row.id);
    db.count(row.state, -1);
    db.count(state, 1);
    const taken = { ...row, state, due_at: dueAt, owner, version: row.version + 1, attempts };
    return claimedOf(taken, row.state, contentOf(db, row.push, pushes));
  });
}

function contentOf(db: SqliteDatabase, id: number, known: Map<number, StoredPush>): StoredPush {
  const content = known.get(id) ?? pushOf(db.all<PushRow>("SELECT * FROM pushes WHERE id = ?", id)[0] as PushRow);
  known.set(id, content);
  return content;
}

export function renewLeases(db: SqliteDatabase, leases: readonly DeliveryLease[], untilMs: number): boolean[] {
  const sql = "UPDATE deliveries SET due_at = ? WHERE id = ? AND version = ? AND owner = ?";
  return leases.map(({ id, version, owner }) => db.run(sql, untilMs, id, version, owner) === 1);
}

export function releaseLeases(db: SqliteDatabase, leases: readonly DeliveryLease[], nowMs: number): boolean[] {
  const back =
    "UPDATE deliveries SET state = ?, due_at = ?, owner = NULL, version = version + 1, attempts = ? WHERE id = ?";
  const results = leases.map((lease) => {
    const row = heldRow(db, lease);
    if (row === undefined || row.owner === null) return false;
    if (row.cancel_requested === 1) {
      changeDelivery(db, row, cancelledChange(row.sip_status, "cancelled", nowMs));
      return true;
    }
    const waiting = row.state === "waiting-report";
    const state = waiting ? row.state : "pending";
    db.run(back, state, nowMs, row.attempts - (waiting ? 0 : 1), row.id);
    db.count(row.state, -1);
    db.count(state, 1);
    return true;
  });
  if (results.includes(true)) db.announceWork();
  return results;
}

export function advanceDeliveries(db: SqliteDatabase, advances: readonly DeliveryAdvance[]): AdvanceResult[] {
  return advances.map((advance) => {
    checkedAdvance(advance);
    const row = heldRow(db, advance.lease);
    if (row === undefined) return { result: "stale" };
    if (row.cancel_requested === 1 && tryAgainAfterCancel(advance.to)) return { result: "cancelRequested" };
    changeDelivery(db, row, advance);
    if (advance.dueAtMs !== null) db.announceWork();
    return { result: "done", version: row.version + 1 };
  });
}

export function wakeRecipients(db: SqliteDatabase, recipients: readonly string[], nowMs: number): number {
  const sql =
    "UPDATE deliveries INDEXED BY sleeping SET due_at = ? WHERE recipient = ? AND state = 'retry-wait' AND due_at > ?";
  const woken = recipients.reduce((sum, recipient) => sum + db.run(sql, nowMs, recipient, nowMs), 0);
  if (woken > 0) db.announceWork();
  return woken;
}

/** The delivery, when nothing happened to it since the lease was given. Final states are never left. */
function heldRow(db: SqliteDatabase, { id, version, owner }: DeliveryLease): DeliveryRow | undefined {
  const row = db.all<DeliveryRow>(selectDelivery, id)[0];
  return row !== undefined && row.version === version && row.owner === owner && !isFinal(row.state) ? row : undefined;
}
