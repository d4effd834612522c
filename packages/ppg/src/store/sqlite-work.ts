import { isFinal } from "../delivery/delivery.machine.ts";
import { afterRelease, IS_ABSENT, tryAgainAfterCancel } from "./advance-rules.ts";
import { DELIVERY_COLUMNS, PUSH_COLUMNS } from "./rows.ts";
import { CHANGE_COLUMNS, changeDelivery, type DeliveryAsItIs, endTakenBack } from "./sqlite-changes.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { type ClaimForm, type DueColumns, type PushColumns, packPushes } from "./sqlite-forms.ts";
import { hasReached, LOOK_AGAIN_MS, takeBackReasonOf } from "./take-back.ts";
import type { AdvanceResult, ClaimRequest, DeliveryAdvance, DeliveryLease, ReleaseResult } from "./types.ts";

const behind = "(SELECT o.state FROM deliveries o WHERE o.id = deliveries.behind)";
const found = `only_pending = 1 AND ${hasReached(behind)} AS overtaken, ${behind} = 'sending' AS waits`;
/** Each priority by itself, so that the index of what is due gives the order and nothing is sorted. */
const dueStatements = [0, 1, 2].map((priority) => {
  const due = `FROM deliveries INDEXED BY due WHERE priority = ${priority} AND due_at <= ? ORDER BY due_at, id LIMIT ?`;
  return {
    select: `SELECT ${DELIVERY_COLUMNS}, ${found} ${due}`,
    take: `UPDATE deliveries SET due_at = ?, owner = ?, version = version + 1,
      attempts = attempts + (state <> 'waiting-report'),
      state = CASE state WHEN 'waiting-report' THEN state ELSE 'sending' END
      WHERE id IN (SELECT id ${due})`,
  };
});
const lookAgain = "UPDATE deliveries SET due_at = ? WHERE id = ?";
const selectPush = `SELECT ${PUSH_COLUMNS} FROM pushes WHERE id = ?`;
const selectAsItIs = `SELECT ${CHANGE_COLUMNS} FROM deliveries WHERE id = ?`;

export function claimDeliveries(db: SqliteDatabase, { owner, limit, nowMs, leaseMs }: ClaimRequest): ClaimForm {
  const deliveries: DueColumns[] = [];
  let left = limit;
  for (const { select, take } of dueStatements) {
    const rows = left === 0 ? [] : db.rows<DueColumns>(select, nowMs, left);
    if (rows.length === 0) continue;
    left -= rows.length;
    const free = rows.filter((row) => !waits(row));
    // What waits is due later then, so that the others are the first.
    for (const row of rows) if (waits(row)) db.run(lookAgain, nowMs + LOOK_AGAIN_MS, row[0]);
    db.run(take, nowMs + leaseMs, owner, nowMs, free.length);
    deliveries.push(...free);
  }
  for (const [, , , , , state] of deliveries) {
    db.count(state, -1);
    db.count(state === "waiting-report" ? state : "sending", 1);
  }
  const ids = new Set(deliveries.map(([, push]) => push));
  const pushes = [...ids].flatMap((id) => db.rows<PushColumns>(selectPush, id));
  return { deliveries, pushes: packPushes(pushes) };
}

const waits = (row: DueColumns): boolean => row.at(-1) === 1;

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
    const state = afterRelease(before, cancelRequested);
    if (state === undefined) return "stale";
    if (state === "cancelled") {
      endTakenBack(db, row, takeBackReasonOf(cancelRequested), nowMs);
      return "cancelled";
    }
    db.run(back, state, dueAtMs, attempts - (before === "sending" ? 1 : 0), id);
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
    if (cancelRequested !== 0 && tryAgainAfterCancel(advance.to))
      return { result: "cancelRequested", reason: takeBackReasonOf(cancelRequested) };
    changeDelivery(db, row, advance);
    if (advance.dueAtMs !== null) db.announceWork("deliveries");
    return { result: "done", version: version + 1 };
  });
}

const wakeAt = "max(?2, coalesce(woken_at + ?3, 0))";
const wake = `UPDATE deliveries INDEXED BY absent SET due_at = ${wakeAt}, woken_at = ${wakeAt}
  WHERE recipient = ?1 AND ${IS_ABSENT} AND due_at > ${wakeAt}`;

export function wakeRecipients(
  db: SqliteDatabase,
  recipients: readonly string[],
  nowMs: number,
  pauseMs: number,
): number {
  const woken = recipients.reduce((sum, recipient) => sum + db.run(wake, recipient, nowMs, pauseMs), 0);
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
