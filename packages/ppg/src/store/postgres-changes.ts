import { isFinal } from "../delivery/delivery.machine.ts";
import { isAbsent, tryAgainAfterCancel } from "./advance-rules.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { sameKey } from "./postgres-plans.ts";
import { type TakenBackRow, takenBackOf, timelineLine } from "./rows.ts";
import { cancelledChange, takeBackReasonOf } from "./take-back.ts";
import type { AdvanceResult, DeliveryAdvance, DeliveryLease, TakeBackReason } from "./types.ts";

/**
 * All of it in one statement, so that it is one round trip and a transaction by itself: rows that are held as the leases say are
 * locked in the order of their ids; those that end leave the queue; then progress of their pushes in the order of theirs, so that
 * two nodes never wait for each other; then what is kept.
 */
const change = `WITH c AS (
    SELECT * FROM unnest($1::int8[], $2::int4[], $3::text[], $4::text[], $5::int8[], $6::int4[], $7::int4[], $8::text[], $9::int8[],
      $10::text[], $11::bool[], $12::bool[], $13::bool[], $14::int4[]) WITH ORDINALITY
      AS c(id, version, owner, state, due_at, sip_status, pap_code, reason, at, line, final, again, absent, unsent, ord)),
  held AS MATERIALIZED (
    SELECT c.*, q.state AS state_before, q.attempts - c.unsent AS attempts, q.cancel_requested, d.push, d.recipients, d.notify,
      d.recipient, NOT (q.cancel_requested <> 0 AND c.again) AS done
    FROM c JOIN queue q ON ${sameKey("q.id", "c.id")} AND q.version = c.version AND q.owner IS NOT DISTINCT FROM c.owner
      JOIN deliveries d ON ${sameKey("d.id", "c.id")}
    ORDER BY c.id FOR UPDATE OF q),
  mine AS MATERIALIZED (
    SELECT *, row_number() OVER (PARTITION BY push, final ORDER BY ord) AS place FROM held WHERE done),
  gone AS (DELETE FROM queue q USING mine m WHERE ${sameKey("q.id", "m.id")} AND m.final),
  kept AS (UPDATE queue q SET state = m.state, due_at = m.due_at, owner = NULL, version = m.version + 1, attempts = m.attempts,
      absent = CASE WHEN m.absent THEN 1 ELSE 0 END,
      sleeper = CASE WHEN m.absent THEN m.recipient END
    FROM mine m WHERE ${sameKey("q.id", "m.id")} AND NOT m.final),
  ended AS (SELECT push, recipients, notify, count(*)::int4 AS n, min(at) AS first, max(at) AS last FROM mine
    WHERE final GROUP BY push, recipients, notify ORDER BY push),
  told AS (INSERT INTO progress AS g (push, recipients, results, notify_due_at, finished_at)
    SELECT push, recipients, n, CASE notify WHEN 1 THEN first END, CASE WHEN n = recipients THEN last END FROM ended
    ON CONFLICT (push) DO UPDATE SET results = g.results + excluded.results,
      notify_due_at = coalesce(g.notify_due_at, excluded.notify_due_at),
      finished_at = CASE WHEN g.results + excluded.results = g.recipients
        THEN (SELECT e.last FROM ended e WHERE e.push = g.push) END
    RETURNING g.push, g.results),
  written AS (UPDATE deliveries d SET state = m.state, version = m.version + 1, attempts = m.attempts,
      cancel_requested = m.cancel_requested, sip_status = m.sip_status, pap_code = m.pap_code, reason = m.reason, event_at = m.at,
      timeline = d.timeline || m.line,
      result_seq = CASE WHEN NOT m.final THEN NULL WHEN m.recipients = 1 THEN 1 ELSE
        (SELECT t.results - e.n FROM told t JOIN ended e USING (push) WHERE t.push = m.push) + m.place END
    FROM mine m WHERE ${sameKey("d.id", "m.id")}),
  queued AS (INSERT INTO results SELECT push, t.results - e.n + m.place, m.id
    FROM mine m JOIN told t USING (push) JOIN ended e USING (push) WHERE m.final AND m.notify = 1 AND m.recipients > 1),
  failed AS (INSERT INTO failures SELECT state, id FROM mine WHERE final AND state <> 'delivered'),
  counted AS (INSERT INTO state_counts SELECT state, sum(n) FROM
      (SELECT state, 1 AS n FROM mine UNION ALL SELECT state_before, -1 FROM mine) s
    GROUP BY state HAVING sum(n) <> 0)
  SELECT id, version, cancel_requested, done, done AND NOT final AS waits, done AND final AND notify = 1 AS tells FROM held`;

interface ChangedRow {
  readonly id: number;
  readonly version: number;
  readonly cancel_requested: number;
  readonly done: boolean;
  /** It is to be claimed again, or its result to be told. */
  readonly waits: boolean;
  readonly tells: boolean;
}

/** Changes states of deliveries that are held as their leases say: queue, timeline, progress of their pushes, results. */
export async function changeDeliveries(
  session: PostgresSession,
  advances: readonly DeliveryAdvance[],
): Promise<AdvanceResult[]> {
  if (advances.length === 0) return [];
  const firsts = new Map<string, DeliveryAdvance>();
  for (const advance of advances) if (!firsts.has(keyOf(advance))) firsts.set(keyOf(advance), advance);
  const changes = [...firsts.values()];
  const column = <T>(value: (each: DeliveryAdvance) => T): T[] => changes.map(value);
  const rows = await session.all<ChangedRow>(change, [
    column(({ lease }) => lease.id),
    column(({ lease }) => lease.version),
    column(({ lease }) => lease.owner),
    column(({ to }) => to),
    column(({ dueAtMs }) => dueAtMs),
    column(({ sipStatus }) => sipStatus),
    column(({ papCode }) => papCode),
    column(({ reason }) => reason),
    column(({ atMs }) => atMs),
    column((each) => timelineLine(each.lease.version + 1, each, each.lease.owner)),
    column(({ to }) => isFinal(to)),
    column(({ to }) => tryAgainAfterCancel(to)),
    column(isAbsent),
    column(({ unsent }) => (unsent === true ? 1 : 0)),
  ]);
  if (rows.some(({ waits }) => waits)) session.announceWork("deliveries");
  if (rows.some(({ tells }) => tells)) session.announceWork("results");
  const changed = new Map(rows.map((row) => [row.id, row]));
  return advances.map((advance): AdvanceResult => {
    const row = changed.get(advance.lease.id);
    const first = firsts.get(keyOf(advance)) === advance;
    if (row === undefined || row.version !== advance.lease.version || !first) return { result: "stale" };
    if (row.done) return { result: "done", version: row.version + 1 };
    const refused = row.cancel_requested !== 0 && tryAgainAfterCancel(advance.to);
    return refused
      ? { result: "cancelRequested", reason: takeBackReasonOf(row.cancel_requested) }
      : { result: "stale" };
  });
}

/** A delivery that is locked, as it is. */
export interface LockedDelivery extends DeliveryLease {
  readonly state: string;
  readonly sip_status: number | null;
}

const selectTakenBack = `SELECT d.id, d.push, d.recipient, p.initiator, p.push_id, p.accepted_at
  FROM deliveries d JOIN pushes p ON ${sameKey("p.id", "d.push")} WHERE d.id = ANY($1::int8[]) ORDER BY d.id`;

/** Ends deliveries that their initiator took back, and says so when that is committed. */
export async function endTakenBack(
  session: PostgresSession,
  rows: readonly LockedDelivery[],
  reason: TakeBackReason,
  nowMs: number,
): Promise<void> {
  if (rows.length === 0) return;
  const taken = rows.map((row) => ({
    row,
    end: cancelledChange({ state: row.state, sipStatus: row.sip_status }, reason, nowMs),
  }));
  await changeDeliveries(
    session,
    taken.map(({ row: { id, version, owner }, end }) => ({ lease: { id, version, owner }, ...end })),
  );
  const kept = await session.all<TakenBackRow>(selectTakenBack, [rows.map(({ id }) => id)]);
  const byId = new Map(kept.map((row) => [row.id, row]));
  session.announceTakenBack(
    taken.flatMap(({ row: { id, state }, end }) => {
      const row = byId.get(id);
      return row === undefined ? [] : [takenBackOf(row, state, end)];
    }),
  );
}

const keyOf = ({ lease }: DeliveryAdvance): string => `${lease.id} ${lease.version} ${lease.owner}`;
