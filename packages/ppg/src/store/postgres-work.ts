import { afterRelease } from "./advance-rules.ts";
import { endTakenBack } from "./postgres-changes.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { sameKey, unindexed } from "./postgres-plans.ts";
import { LIVE_DELIVERY_COLUMNS, type LiveRow } from "./postgres-rows.ts";
import { claimedOf, PUSH_COLUMNS, type PushRow, pushOf } from "./rows.ts";
import { hasReached, LOOK_AGAIN_MS, takeBackNumbers } from "./take-back.ts";
import type { ClaimedDelivery, ClaimRequest, DeliveryLease, ReleaseResult } from "./types.ts";

const selectDue = (priority: number, limit: string): string =>
  `SELECT id, state AS woken_from, due_at AS was_due, behind FROM queue WHERE priority = ${priority} AND due_at <= $1
    ORDER BY due_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
/**
 * Each priority by itself, so that the index of what is due gives the order. What another node locks is not waited for. What must not
 * overtake an attempt that is under way is looked at again soon.
 */
const claim = `WITH high AS MATERIALIZED (${selectDue(0, "$2")}),
  medium AS MATERIALIZED (${selectDue(1, "$2 - (SELECT count(*) FROM high)")}),
  low AS MATERIALIZED (${selectDue(2, "$2 - (SELECT count(*) FROM high) - (SELECT count(*) FROM medium)")}),
  found AS (SELECT * FROM high UNION ALL SELECT * FROM medium UNION ALL SELECT * FROM low),
  due AS MATERIALIZED (SELECT *,
    coalesce((SELECT o.state = 'sending' FROM queue o WHERE o.id = found.behind), false) AS waits FROM found),
  later AS (UPDATE queue q SET due_at = $5 FROM due WHERE ${sameKey("q.id", "due.id")} AND due.waits),
  q AS (UPDATE queue q SET due_at = $3, owner = $4, version = version + 1, absent = 0, sleeper = NULL,
      state = CASE WHEN woken_from = 'waiting-report' THEN woken_from ELSE 'sending' END,
      attempts = attempts + CASE WHEN woken_from = 'waiting-report' THEN 0 ELSE 1 END
    FROM due WHERE ${sameKey("q.id", "due.id")} AND NOT due.waits RETURNING q.*, due.woken_from, due.was_due),
  counted AS (INSERT INTO state_counts SELECT state, sum(n) FROM
      (SELECT state, 1 AS n FROM q UNION ALL SELECT woken_from, -1 FROM q) s
    GROUP BY state HAVING sum(n) <> 0)
  SELECT ${LIVE_DELIVERY_COLUMNS}, q.woken_from, q.was_due, CASE WHEN q.only_pending
      THEN (SELECT ${hasReached("a.state")} FROM deliveries a WHERE a.id = q.behind) END AS overtaken FROM q JOIN deliveries d ON ${sameKey("d.id", "q.id")}
  ORDER BY q.priority, q.was_due, q.id`;

type ClaimedRow = LiveRow & {
  readonly woken_from: string;
  readonly was_due: number;
  readonly overtaken: boolean | null;
};

export async function claimDeliveries(session: PostgresSession, request: ClaimRequest): Promise<ClaimedDelivery[]> {
  const { owner, limit, nowMs, leaseMs } = request;
  const rows = await session.all<ClaimedRow>(claim, [nowMs, limit, nowMs + leaseMs, owner, nowMs + LOOK_AGAIN_MS]);
  if (rows.length === 0) return [];
  const pushIds = [...new Set(rows.map(({ push }) => push))];
  const sql = `SELECT ${PUSH_COLUMNS} FROM pushes WHERE id = ANY($1::int8[])`;
  const pushes = await session.all<PushRow>(sql, [pushIds]);
  const contents = new Map(pushes.map((row) => [row.id, pushOf(row)]));
  return rows.flatMap((row) => {
    const content = contents.get(row.push);
    const found = { wokenFrom: row.woken_from, overtaken: row.overtaken === true };
    return content === undefined ? [] : [claimedOf(row, found, content)];
  });
}

export async function renewLeases(
  session: PostgresSession,
  leases: readonly DeliveryLease[],
  untilMs: number,
): Promise<boolean[]> {
  const sql = `WITH held AS MATERIALIZED (
      SELECT q.id FROM unnest($2::int8[], $3::int4[], $4::text[]) AS c(id, version, owner)
        JOIN queue q ON ${sameKey("q.id", "c.id")} AND q.version = c.version AND q.owner = c.owner
      ORDER BY c.id FOR UPDATE OF q)
    UPDATE queue q SET due_at = $1 FROM held h WHERE ${sameKey("q.id", "h.id")} RETURNING q.id`;
  const rows = await session.all<{ id: number }>(sql, [
    untilMs,
    leases.map(({ id }) => id),
    leases.map(({ version }) => version),
    leases.map(({ owner }) => owner),
  ]);
  const renewed = new Set(rows.map(({ id }) => id));
  return leases.map(({ id }) => renewed.has(id));
}

interface HeldRow extends DeliveryLease {
  readonly state: string;
  readonly cancel_requested: number;
  readonly sip_status: number | null;
}

/** In a transaction. */
export async function releaseLeases(
  session: PostgresSession,
  leases: readonly DeliveryLease[],
  nowMs: number,
  dueAtMs: number = nowMs,
): Promise<ReleaseResult[]> {
  const lock = `SELECT q.id, q.state, q.version, q.owner, q.cancel_requested, d.sip_status
    FROM queue q JOIN deliveries d ON ${sameKey("d.id", "q.id")}
    WHERE q.id = ANY($1::int8[]) ORDER BY q.id FOR UPDATE OF q`;
  const rows = new Map((await session.all<HeldRow>(lock, [leases.map(({ id }) => id)])).map((row) => [row.id, row]));
  const held = leases.map(({ id, version, owner }) => {
    const row = rows.get(id);
    return owner !== null && row?.version === version && row.owner === owner ? row : undefined;
  });
  const results = held.map((row): ReleaseResult => {
    const state = row && afterRelease(row.state, row.cancel_requested);
    return state === undefined ? "stale" : state === "cancelled" ? "cancelled" : "released";
  });
  const having = (wanted: ReleaseResult): HeldRow[] => [
    ...new Set(held.flatMap((row, index) => (results[index] === wanted ? (row ?? []) : []))),
  ];
  const ended = having("cancelled");
  for (const reason of ["cancelled", "replaced"] as const) {
    const number = takeBackNumbers[reason];
    await endTakenBack(
      session,
      ended.filter((row) => row.cancel_requested === number),
      reason,
      nowMs,
    );
  }
  const back = having("released").map(({ id }) => id);
  if (back.length > 0) {
    await session.all(handBack, [dueAtMs, back]);
    session.announceWork("deliveries");
  }
  return results;
}

const handBack = `WITH q AS (UPDATE queue SET due_at = $1, owner = NULL, version = version + 1,
      state = CASE WHEN state = 'waiting-report' THEN state ELSE 'pending' END,
      attempts = attempts - CASE WHEN state = 'waiting-report' THEN 0 ELSE 1 END WHERE id = ANY($2::int8[]) RETURNING state)
  INSERT INTO state_counts SELECT state, sum(n) FROM
    (SELECT 'pending' AS state, 1 AS n FROM q WHERE state = 'pending' UNION ALL
      SELECT 'sending', -1 FROM q WHERE state = 'pending') s GROUP BY state`;

const wakeAt = "GREATEST($1, woken_at + $3)";
/** What an earlier version left has sleepers that are not absent. */
const wake = `WITH woken AS MATERIALIZED (SELECT id, ${wakeAt} AS at FROM queue
    WHERE sleeper = ANY($2::text[]) AND ${unindexed("absent")} = 1 AND due_at > ${wakeAt} ORDER BY ${unindexed("id")} FOR UPDATE)
  UPDATE queue q SET due_at = w.at, woken_at = w.at FROM woken w WHERE ${sameKey("q.id", "w.id")} RETURNING q.id`;

export async function wakeRecipients(
  session: PostgresSession,
  recipients: readonly string[],
  nowMs: number,
  pauseMs: number,
): Promise<number> {
  const woken = await session.all(wake, [nowMs, [...recipients], pauseMs]);
  if (woken.length > 0) session.announceWork("deliveries");
  return woken.length;
}
