import { isFinal } from "../delivery/delivery.machine.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { DELIVERY_COLUMNS, type DeliveryRow } from "./rows.ts";
import type { DeliveryAdvance, DeliveryLease } from "./types.ts";

/** A row that this transaction has locked, and what becomes of it. */
export interface LockedChange {
  readonly row: DeliveryRow;
  readonly change: Omit<DeliveryAdvance, "lease">;
}

const updateDeliveries = `UPDATE deliveries d SET state = c.state, due_at = c.due_at, owner = NULL, version = d.version + 1,
  sip_status = c.sip_status, pap_code = c.pap_code, reason = c.reason, event_at = c.at, result_seq = c.seq
  FROM unnest($1::int8[], $2::text[], $3::int8[], $4::int4[], $5::int4[], $6::text[], $7::int8[], $8::int4[])
    AS c(id, state, due_at, sip_status, pap_code, reason, at, seq)
  WHERE d.id = c.id`;
const insertTimeline = `INSERT INTO timeline (delivery, version, at, state, sip_status, pap_code, reason, started_at, owner)
  SELECT * FROM unnest($1::int8[], $2::int4[], $3::int8[], $4::text[], $5::int4[], $6::int4[], $7::text[], $8::int8[], $9::text[])`;
/** Locked in the order of their ids, so that two nodes do not wait for each other. */
const finishPushes = `WITH locked AS MATERIALIZED (SELECT id FROM pushes WHERE id = ANY($1::int8[]) ORDER BY id FOR UPDATE)
  UPDATE pushes p SET open = p.open - c.n, results = p.results + c.n,
    finished_at = CASE WHEN p.open = c.n THEN c.last ELSE NULL END,
    notify_due_at = CASE WHEN p.notify_url IS NULL THEN NULL ELSE coalesce(p.notify_due_at, c.first) END
  FROM locked, unnest($1::int8[], $2::int4[], $3::int8[], $4::int8[]) AS c(id, n, first, last)
  WHERE p.id = locked.id AND p.id = c.id RETURNING p.id, p.results, p.notify_url`;

/** Locks deliveries until the end of the transaction; keyed by id. */
export async function lockDeliveries(
  session: PostgresSession,
  leases: readonly DeliveryLease[],
): Promise<Map<number, DeliveryRow>> {
  const sql = `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = ANY($1::int8[]) ORDER BY id FOR UPDATE`;
  const rows = await session.all<DeliveryRow>(sql, [leases.map(({ id }) => id)]);
  return new Map(rows.map((row) => [row.id, row]));
}

/** Whether nothing happened to a delivery since the lease was given. Final states are never left. */
export function isHeld(row: DeliveryRow | undefined, { version, owner }: DeliveryLease): row is DeliveryRow {
  return row !== undefined && row.version === version && row.owner === owner && !isFinal(row.state);
}

/** Changes the states of locked deliveries: rows, timeline, open recipients of the pushes and their queues of results. */
export async function changeDeliveries(session: PostgresSession, changes: readonly LockedChange[]): Promise<void> {
  if (changes.length === 0) return;
  const sequences = await finishAll(session, changes);
  const column = <T>(value: (each: LockedChange) => T): T[] => changes.map(value);
  const ids = column(({ row }) => row.id);
  const states = column(({ change }) => change.to);
  const statuses = column(({ change }) => change.sipStatus);
  const codes = column(({ change }) => change.papCode);
  const reasons = column(({ change }) => change.reason);
  const times = column(({ change }) => change.atMs);
  const due = column(({ change }) => change.dueAtMs);
  await session.all(updateDeliveries, [ids, states, due, statuses, codes, reasons, times, sequences]);
  const versions = column(({ row }) => row.version + 1);
  const started = column(({ change }) => change.attemptStartedAtMs);
  const owners = column(({ row }) => row.owner);
  await session.all(insertTimeline, [ids, versions, times, states, statuses, codes, reasons, started, owners]);
  for (const { row, change } of changes) {
    session.count(row.state, -1);
    session.count(change.to, 1);
  }
}

/** Returns the place of each result in its push's queue; null: it is none, or nobody wants results. */
async function finishAll(session: PostgresSession, changes: readonly LockedChange[]): Promise<(number | null)[]> {
  const timesByPush = new Map<number, number[]>();
  for (const { row, change } of changes) {
    if (!isFinal(change.to)) continue;
    timesByPush.set(row.push, [...(timesByPush.get(row.push) ?? []), change.atMs]);
  }
  if (timesByPush.size === 0) return changes.map(() => null);
  const times = [...timesByPush.values()];
  const rows = await session.all<{ id: number; results: number; notify_url: string | null }>(finishPushes, [
    [...timesByPush.keys()],
    times.map(({ length }) => length),
    times.map((each) => Math.min(...each)),
    times.map((each) => Math.max(...each)),
  ]);
  const nextByPush = new Map<number, number>();
  for (const { id, results, notify_url: url } of rows)
    if (url !== null) nextByPush.set(id, results - (timesByPush.get(id)?.length ?? 0) + 1);
  if (nextByPush.size > 0) session.announceWork();
  return changes.map(({ row, change }) => {
    const next = nextByPush.get(row.push);
    if (next === undefined || !isFinal(change.to)) return null;
    nextByPush.set(row.push, next + 1);
    return next;
  });
}
