import { checkedAdvance, tryAgainAfterCancel } from "./advance-rules.ts";
import { changeDeliveries, isHeld, type LockedChange, lockDeliveries } from "./postgres-changes.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { claimedOf, DELIVERY_COLUMNS, type DeliveryRow, type PushRow, pushOf } from "./rows.ts";
import { cancelledChange } from "./take-back.ts";
import type { AdvanceResult, ClaimedDelivery, ClaimRequest, DeliveryAdvance, DeliveryLease } from "./types.ts";

const selectDue = (priority: number, limit: string): string =>
  `SELECT id, state AS woken_from, due_at AS was_due FROM deliveries WHERE priority = ${priority} AND due_at <= $1
    ORDER BY due_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
/** Each priority by itself, so that the index of what is due gives the order. What another node locks is not waited for. */
const claim = `WITH high AS (${selectDue(0, "$2")}),
  medium AS (${selectDue(1, "$2 - (SELECT count(*) FROM high)")}),
  low AS (${selectDue(2, "$2 - (SELECT count(*) FROM high) - (SELECT count(*) FROM medium)")}),
  taken AS (SELECT * FROM high UNION ALL SELECT * FROM medium UNION ALL SELECT * FROM low)
  UPDATE deliveries d SET due_at = $3, owner = $4, version = version + 1,
    state = CASE WHEN woken_from = 'waiting-report' THEN woken_from ELSE 'sending' END,
    attempts = attempts + CASE WHEN woken_from = 'waiting-report' THEN 0 ELSE 1 END
  FROM taken WHERE d.id = taken.id
  RETURNING ${DELIVERY_COLUMNS.replace(/\w+/g, "d.$&")}, taken.woken_from, taken.was_due`;

type ClaimedRow = DeliveryRow & { readonly woken_from: string; readonly was_due: number };

export async function claimDeliveries(session: PostgresSession, request: ClaimRequest): Promise<ClaimedDelivery[]> {
  const { owner, limit, nowMs, leaseMs } = request;
  const rows = await session.all<ClaimedRow>(claim, [nowMs, limit, nowMs + leaseMs, owner]);
  if (rows.length === 0) return [];
  const pushIds = [...new Set(rows.map(({ push }) => push))];
  const pushes = await session.all<PushRow>("SELECT * FROM pushes WHERE id = ANY($1::int8[])", [pushIds]);
  const contents = new Map(pushes.map((row) => [row.id, pushOf(row)]));
  rows.sort((a, b) => a.priority - b.priority || a.was_due - b.was_due || a.id - b.id);
  return rows.flatMap((row) => {
    session.count(row.woken_from, -1);
    session.count(row.state, 1);
    const content = contents.get(row.push);
    return content === undefined ? [] : [claimedOf(row, row.woken_from, content)];
  });
}

export async function renewLeases(
  session: PostgresSession,
  leases: readonly DeliveryLease[],
  untilMs: number,
): Promise<boolean[]> {
  const sql = `UPDATE deliveries d SET due_at = $1 FROM unnest($2::int8[], $3::int4[], $4::text[]) AS c(id, version, owner)
    WHERE d.id = c.id AND d.version = c.version AND d.owner = c.owner RETURNING d.id`;
  const rows = await session.all<{ id: number }>(sql, [
    untilMs,
    leases.map(({ id }) => id),
    leases.map(({ version }) => version),
    leases.map(({ owner }) => owner),
  ]);
  const renewed = new Set(rows.map(({ id }) => id));
  return leases.map(({ id }) => renewed.has(id));
}

export async function releaseLeases(
  session: PostgresSession,
  leases: readonly DeliveryLease[],
  nowMs: number,
): Promise<boolean[]> {
  const rows = await lockDeliveries(session, leases);
  const held = leases.map((lease) => lease.owner !== null && isHeld(rows.get(lease.id), lease));
  const mine = [...rows.values()].filter(({ id }) => leases.some((lease, index) => lease.id === id && held[index]));
  const cancelled = mine.filter((row) => row.cancel_requested === 1);
  await changeDeliveries(
    session,
    cancelled.map((row) => ({ row, change: cancelledChange(row.sip_status, "cancelled", nowMs) })),
  );
  const back = mine.filter((row) => row.cancel_requested === 0);
  if (back.length > 0) {
    const sql = `UPDATE deliveries SET due_at = $1, owner = NULL, version = version + 1,
      state = CASE WHEN state = 'waiting-report' THEN state ELSE 'pending' END,
      attempts = attempts - CASE WHEN state = 'waiting-report' THEN 0 ELSE 1 END WHERE id = ANY($2::int8[])`;
    await session.all(sql, [nowMs, back.map(({ id }) => id)]);
    for (const { state } of back) {
      session.count(state, -1);
      session.count(state === "waiting-report" ? state : "pending", 1);
    }
    session.announceWork();
  }
  return held;
}

export async function advanceDeliveries(
  session: PostgresSession,
  advances: readonly DeliveryAdvance[],
): Promise<AdvanceResult[]> {
  for (const advance of advances) checkedAdvance(advance);
  const rows = await lockDeliveries(
    session,
    advances.map(({ lease }) => lease),
  );
  const changes: LockedChange[] = [];
  const results = advances.map((change): AdvanceResult => {
    const row = rows.get(change.lease.id);
    if (!isHeld(row, change.lease)) return { result: "stale" };
    if (row.cancel_requested === 1 && tryAgainAfterCancel(change.to)) return { result: "cancelRequested" };
    changes.push({ row, change });
    rows.delete(row.id); // who comes next in this group is stale
    return { result: "done", version: row.version + 1 };
  });
  await changeDeliveries(session, changes);
  if (changes.some(({ change }) => change.dueAtMs !== null)) session.announceWork();
  return results;
}

export async function wakeRecipients(
  session: PostgresSession,
  recipients: readonly string[],
  nowMs: number,
): Promise<number> {
  const sql = `UPDATE deliveries SET due_at = $1
    WHERE recipient = ANY($2::text[]) AND state = 'retry-wait' AND due_at > $1 RETURNING id`;
  const woken = await session.all(sql, [nowMs, [...recipients]]);
  if (woken.length > 0) session.announceWork();
  return woken.length;
}
