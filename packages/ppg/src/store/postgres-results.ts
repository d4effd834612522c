import type { PostgresSession } from "./postgres-database.ts";
import { type NotificationRow, notificationOf } from "./rows.ts";
import type { ClaimRequest, NotificationVerdict, ResultNotification } from "./types.ts";

/* The queue of results of a push is its deliveries in the order of `result_seq`; `notified` of the push says how far it is. */

const take = `WITH due AS (SELECT id FROM pushes WHERE notify_due_at <= $1 ORDER BY notify_due_at, id LIMIT $2
    FOR UPDATE SKIP LOCKED)
  UPDATE pushes p SET notify_due_at = $3, notify_owner = $4, notify_attempts = notify_attempts + 1
  FROM due WHERE p.id = due.id RETURNING p.id`;
/** A statement of its own: it must see the results that were committed while `take` waited for the rows. */
const selectHeads = `SELECT d.push, d.result_seq, p.notify_attempts, p.notify_url, p.initiator, p.push_id, p.accepted_at,
    d.address, d.state, d.pap_code, d.reason, d.event_at
  FROM pushes p JOIN deliveries d ON d.push = p.id AND d.result_seq = p.notified + 1
  WHERE p.id = ANY($1::int8[]) ORDER BY d.event_at, d.push`;
const settle = `UPDATE pushes p SET notified = p.notified + c.told, notify_owner = NULL,
    notify_attempts = CASE WHEN c.told = 1 THEN 0 ELSE p.notify_attempts END,
    notify_due_at = CASE WHEN c.told = 0 OR p.results > p.notified + 1 THEN c.at ELSE NULL END
  FROM unnest($1::int8[], $2::text[], $3::int4[], $4::int4[], $5::int8[]) AS c(id, owner, seq, told, at)
  WHERE p.id = c.id AND p.notify_owner = c.owner AND p.notified = c.seq - 1 RETURNING p.id`;

export async function claimNotifications(
  session: PostgresSession,
  { owner, limit, nowMs, leaseMs }: ClaimRequest,
): Promise<ResultNotification[]> {
  const taken = await session.all<{ id: number }>(take, [nowMs, limit, nowMs + leaseMs, owner]);
  if (taken.length === 0) return [];
  const rows = await session.all<NotificationRow>(selectHeads, [taken.map(({ id }) => id)]);
  return rows.map((row) => notificationOf(row, owner));
}

export async function settleNotifications(
  session: PostgresSession,
  verdicts: readonly NotificationVerdict[],
): Promise<boolean[]> {
  const rows = await session.all<{ id: number }>(settle, [
    verdicts.map(({ notification }) => notification.push),
    verdicts.map(({ notification }) => notification.owner),
    verdicts.map(({ notification }) => notification.sequence),
    verdicts.map(({ verdict }) => (verdict === "retry" ? 0 : 1)),
    verdicts.map(({ atMs }) => atMs),
  ]);
  if (rows.length > 0) session.announceWork();
  const settled = new Set(rows.map(({ id }) => id));
  return verdicts.map(({ notification }) => settled.has(notification.push));
}
