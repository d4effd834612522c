import type { PostgresSession } from "./postgres-database.ts";
import { sameKey } from "./postgres-plans.ts";
import { type NotificationRow, notificationOf, type ToldRow, toldOf } from "./rows.ts";
import type { ClaimRequest, NotificationRecord, NotificationVerdict, ResultNotification } from "./types.ts";

/* The queue of results of a push is its deliveries in the order of `result_seq`; `notified` of its progress says how far it is. */

/** The delivery whose result is told next. */
const head = (of: string): string => `(CASE ${of}.recipients
  WHEN 1 THEN (SELECT s.id FROM deliveries s WHERE s.push = ${of}.push)
  ELSE (SELECT r.id FROM results r WHERE r.push = ${of}.push AND r.seq = ${of}.notified + 1) END)`;

const take = `WITH due AS MATERIALIZED (SELECT push FROM progress WHERE notify_due_at <= $1
    ORDER BY notify_due_at, push LIMIT $2 FOR UPDATE SKIP LOCKED)
  UPDATE progress g SET notify_due_at = $3, notify_owner = $4, notify_attempts = notify_attempts + 1
  FROM due WHERE ${sameKey("g.push", "due.push")} RETURNING g.push`;
/** A statement of its own: it must see the results that were committed while `take` waited for the rows. */
const selectHeads = `SELECT d.push, d.result_seq, g.notify_attempts, p.notify_url, p.initiator, p.push_id, p.accepted_at,
    d.address, d.state, d.pap_code, d.reason, d.event_at, p.priority, p.delivery_method, p.application_data
  FROM progress g JOIN pushes p ON ${sameKey("p.id", "g.push")} JOIN deliveries d ON ${sameKey("d.id", head("g"))}
  WHERE g.push = ANY($1::int8[]) ORDER BY d.event_at, d.push`;
const settle = `WITH held AS MATERIALIZED (
    SELECT push, recipients, notified, notify_owner, notify_attempts FROM progress WHERE push = ANY($1::int8[]) ORDER BY push FOR UPDATE),
  mine AS MATERIALIZED (
    SELECT h.push, h.recipients, h.notified, h.notify_attempts, c.verdict, c.at
    FROM held h JOIN unnest($1::int8[], $2::text[], $3::int4[], $4::text[], $5::int8[]) AS c(push, owner, seq, verdict, at)
      ON h.push = c.push AND h.notify_owner = c.owner AND h.notified = c.seq - 1),
  told AS (UPDATE deliveries d SET told = m.verdict, told_attempts = m.notify_attempts, told_at = m.at
    FROM mine m WHERE ${sameKey("d.id", head("m"))} AND m.verdict NOT IN ('retry', 'postponed'))
  UPDATE progress g SET notify_owner = NULL,
    notified = g.notified + CASE WHEN m.verdict IN ('retry', 'postponed') THEN 0 ELSE 1 END,
    notify_attempts = CASE m.verdict WHEN 'retry' THEN g.notify_attempts WHEN 'postponed' THEN g.notify_attempts - 1 ELSE 0 END,
    notify_due_at = CASE WHEN m.verdict IN ('retry', 'postponed') OR g.results > g.notified + 1 THEN m.at END
  FROM mine m WHERE ${sameKey("g.push", "m.push")} RETURNING g.push`;

export async function claimNotifications(
  session: PostgresSession,
  { owner, limit, nowMs, leaseMs }: ClaimRequest,
): Promise<ResultNotification[]> {
  const taken = await session.all<{ push: number }>(take, [nowMs, limit, nowMs + leaseMs, owner]);
  if (taken.length === 0) return [];
  const rows = await session.all<NotificationRow>(selectHeads, [taken.map(({ push }) => push)]);
  return rows.map((row) => notificationOf(row, owner));
}

export async function settleNotifications(
  session: PostgresSession,
  verdicts: readonly NotificationVerdict[],
): Promise<boolean[]> {
  // Of what is said twice about one result, the first counts.
  const firsts = new Map<string, NotificationVerdict>();
  for (const each of verdicts) if (!firsts.has(keyOf(each))) firsts.set(keyOf(each), each);
  const all = [...firsts.values()];
  const rows = await session.all<{ push: number }>(settle, [
    all.map(({ notification }) => notification.push),
    all.map(({ notification }) => notification.owner),
    all.map(({ notification }) => notification.sequence),
    all.map(({ verdict }) => verdict),
    all.map(({ atMs }) => atMs),
  ]);
  if (rows.length > 0) session.announceWork("results");
  const settled = new Set(rows.map(({ push }) => push));
  return verdicts.map((each) => settled.has(each.notification.push) && firsts.get(keyOf(each)) === each);
}

export async function notificationsOf(session: PostgresSession, push: number): Promise<NotificationRecord[]> {
  const sql = `SELECT d.id AS delivery, d.result_seq AS sequence, d.told, d.told_attempts, d.told_at, g.notified,
      g.notify_attempts, g.notify_due_at
    FROM progress g JOIN deliveries d ON d.push = g.push AND d.notify = 1 AND d.result_seq IS NOT NULL
    WHERE g.push = $1 ORDER BY d.result_seq`;
  return (await session.all<ToldRow>(sql, [push])).map(toldOf);
}

const keyOf = ({ notification: { push, owner, sequence } }: NotificationVerdict): string =>
  `${push} ${sequence} ${owner}`;
