import { isFinal } from "../delivery/delivery.machine.ts";
import { tryAgainAfterCancel } from "./advance-rules.ts";
import { DELIVERY_COLUMNS, PUSH_COLUMNS } from "./rows.ts";
import { CHANGE_COLUMNS, changeDelivery, type DeliveryAsItIs, endTakenBack } from "./sqlite-changes.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { type ClaimForm, type DeliveryColumns, type PushColumns, packPushes } from "./sqlite-forms.ts";
import type { AdvanceResult, ClaimRequest, DeliveryAdvance, DeliveryLease, ReleaseResult } from "./types.ts";

/** Each priority by itself, so that the index of what is due gives the order and nothing is sorted. */
const dueStatements = [0, 1, 2].map((priority) => {
  const due = `FROM deliveries INDEXED BY due WHERE priority = ${priority} AND due_at <= ? ORDER BY due_at, id LIMIT ?`;
  return {
    select: `SELECT ${DELIVERY_COLUMNS} ${due}`,
    take: `UPDATE deliveries SET due_at = ?, owner = ?, version = version + 1,
      attempts = attempts + (state <> 'waiting-report'),
      state = CASE state WHEN 'waiting-report' THEN state ELSE 'sending' END
      WHERE id IN (SELECT id ${due})`,
  };
});
const selectPush = `SELECT ${PUSH_COLUMNS} FROM pushes WHERE id = ?`;
const selectAsItIs = `SELECT ${CHANGE_COLUMNS} FROM deliveries WHERE id = ?`;

export function claimDeliveries(db: SqliteDatabase, { owner, limit, nowMs, leaseMs }: ClaimRequest): ClaimForm {
  const deliveries: DeliveryColumns[] = [];
  for (const { select, take } of dueStatements) {
    const left = limit - deliveries.length;
    const rows = left === 0 ? [] : db.rows<DeliveryColumns>(select, nowMs, left);
    if (rows.length === 0) continue;
    db.run(take, nowMs + leaseMs, owner, nowMs, left);
    deliveries.push(...rows);
  }
  for (const [, , , , , state] of deliveries) {
    db.count(state, -1);
    db.count(state === "waiting-report" ? state : "sending", 1);
  }
  const ids = new Set(deliveries.map(([, push]) => push));
  const pushes = [...ids].flatMap((id) => db.rows<PushColumns>(selectPush, id));
  return { deliveries, pushes: packPushes(pushes) };
}

export function renewLeases(db: SqliteDatabase, leases: readonly DeliveryLease[], untilMs: number): boolean[] {
  const sql = "UPDATE deliveries SET due_at = ? WHERE id = ? AND version = ? AND owner = ?";
  return leases.map(({ id, version, owner }) => db.run(sql, untilMs, id, version, owner) === 1);
}

export function releaseLeases(
  db: SqliteDatabase,
  leases: readonly DeliveryLease[],
  nowMs: number,
  dueAtMs: number = nowMs,
): ReleaseResult[] {
  const back =
    "UPDATE deliveries SET state = ?, due_at = ?, owner = NULL, version = version + 1, attempts = ? WHERE id = ?";
  const results = leases.map((lease): ReleaseResult => {
    const row = heldRow(db, lease);
    if (row === undefined || lease.owner === null) return "stale";
    const [id, , , , before, , , attempts, , cancelRequested] = row;
    if (cancelRequested === 1) {
      endTakenBack(db, row, "cancelled", nowMs);
      return "cancelled";
    }
    const waiting = before === "waiting-report";
    const state = waiting ? before : "pending";
    db.run(back, state, dueAtMs, attempts - (waiting ? 0 : 1), id);
    db.count(before, -1);
    db.count(state, 1);
    return "released";
  });
  if (results.includes("released")) db.announceWork("deliveries");
  return results;
}

export function advanceDeliveries(db: SqliteDatabase, advances: readonly DeliveryAdvance[]): AdvanceResult[] {
  return advances.map((advance) => {
    const row = heldRow(db, advance.lease);
    if (row === undefined) return { result: "stale" };
    const [, , , , , , version, , , cancelRequested] = row;
    if (cancelRequested === 1 && tryAgainAfterCancel(advance.to)) return { result: "cancelRequested" };
    changeDelivery(db, row, advance);
    if (advance.dueAtMs !== null) db.announceWork("deliveries");
    return { result: "done", version: version + 1 };
  });
}

export function wakeRecipients(db: SqliteDatabase, recipients: readonly string[], nowMs: number): number {
  const sql =
    "UPDATE deliveries INDEXED BY sleeping SET due_at = ? WHERE recipient = ? AND state = 'retry-wait' AND due_at > ?";
  const woken = recipients.reduce((sum, recipient) => sum + db.run(sql, nowMs, recipient, nowMs), 0);
  if (woken > 0) db.announceWork("deliveries");
  return woken;
}

/** The delivery, when nothing happened to it since the lease was given. Final states are never left. */
function heldRow(db: SqliteDatabase, lease: DeliveryLease): DeliveryAsItIs | undefined {
  const row = db.row<DeliveryAsItIs>(selectAsItIs, lease.id);
  if (row === undefined) return undefined;
  const [, , , , state, owner, version] = row;
  return version === lease.version && owner === lease.owner && !isFinal(state) ? row : undefined;
}
