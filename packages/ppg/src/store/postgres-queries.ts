import { finalStates } from "../delivery/delivery.machine.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { sameKey, unindexed } from "./postgres-plans.ts";
import { ANY_DELIVERY, ANY_DELIVERY_COLUMNS } from "./postgres-rows.ts";
import {
  callIdOf,
  type DeliveryRow,
  deliveryOf,
  idOfCallId,
  PUSH_COLUMNS,
  PUSH_SUMMARY_COLUMNS,
  type PushRow,
  pushOf,
  pushSummaryOf,
  stateCountsOf,
  timelineOfText,
} from "./rows.ts";
import type {
  DeliveryRecord,
  PushName,
  PushStatus,
  StateCounts,
  StoredPush,
  TimelineEntry,
  WorkKind,
} from "./types.ts";

/** Rows of `state_counts` that are added up, so that there are never many. */
const foldCounts = `WITH gone AS (DELETE FROM state_counts RETURNING state, n)
  INSERT INTO state_counts SELECT state, sum(n)::int8 FROM gone GROUP BY state`;

export async function pushStatus(
  session: PostgresSession,
  { initiator, pushId }: PushName,
): Promise<PushStatus | undefined> {
  const sql = `SELECT ${PUSH_SUMMARY_COLUMNS} FROM pushes WHERE push_id = $1 AND initiator = $2`;
  type Row = Omit<PushRow, "content" | "capabilities">;
  const [row] = await session.all<Row>(sql, [pushId, initiator]);
  if (row === undefined) return undefined;
  const ofPush = `SELECT ${ANY_DELIVERY_COLUMNS} FROM ${ANY_DELIVERY} WHERE d.push = $1 ORDER BY ${unindexed("d.id")}`;
  const deliveries = await session.all<DeliveryRow>(ofPush, [row.id]);
  return { push: pushSummaryOf(row), deliveries: deliveries.map(deliveryOf) };
}

export async function pushById(session: PostgresSession, id: number): Promise<StoredPush | undefined> {
  const [row] = await session.all<PushRow>(`SELECT ${PUSH_COLUMNS} FROM pushes WHERE id = $1`, [id]);
  return row === undefined ? undefined : pushOf(row);
}

export async function deliveryById(session: PostgresSession, id: number): Promise<DeliveryRecord | undefined> {
  const row = await deliveryRow(session, id);
  return row === undefined ? undefined : deliveryOf(row);
}

export async function deliveryByCallId(session: PostgresSession, callId: string): Promise<DeliveryRecord | undefined> {
  const id = idOfCallId(callId);
  if (id === undefined) return undefined;
  const row = await deliveryRow(session, id);
  return row !== undefined && callIdOf(row) === callId ? deliveryOf(row) : undefined;
}

export async function timelineOf(session: PostgresSession, delivery: number): Promise<TimelineEntry[]> {
  const sql = "SELECT timeline FROM deliveries WHERE id = $1";
  const [row] = await session.all<{ timeline: string }>(sql, [delivery]);
  return timelineOfText(row?.timeline ?? "");
}

export async function awaitingRegistration(session: PostgresSession, limit: number): Promise<string[]> {
  const sql = `SELECT d.recipient FROM queue q JOIN deliveries d ON ${sameKey("d.id", "q.id")} WHERE q.absent = 1
    GROUP BY d.recipient ORDER BY max(q.id) DESC LIMIT $1`;
  return (await session.all<{ recipient: string }>(sql, [limit])).map(({ recipient }) => recipient);
}

export async function countByState(session: PostgresSession): Promise<StateCounts> {
  await session.all(foldCounts);
  const sql = "SELECT state, sum(n)::int8 AS n FROM state_counts GROUP BY state";
  return stateCountsOf(await session.all<{ state: string; n: number }>(sql));
}

/** The least there is. */
const first = (column: string, of: string): string => `(SELECT ${column} FROM ${of} ORDER BY ${column} LIMIT 1)`;
const nextDue: Readonly<Record<WorkKind, string>> = {
  deliveries: [0, 1, 2].map((priority) => first("due_at", `queue WHERE priority = ${priority}`)).join(", "),
  results: first("notify_due_at", "progress WHERE notify_due_at IS NOT NULL"),
};

export async function nextDueAt(session: PostgresSession, of?: WorkKind): Promise<number | undefined> {
  const least = of === undefined ? `${nextDue.deliveries}, ${nextDue.results}` : nextDue[of];
  const [row] = await session.all<{ at: number | null }>(`SELECT least(${least}) AS at`);
  return row?.at ?? undefined;
}

/** Deletes finished pushes with all that belongs to them, in a transaction. */
export async function prunePushes(session: PostgresSession, finishedBeforeMs: number, limit: number): Promise<number> {
  await session.all(foldCounts);
  const sql = `WITH old AS MATERIALIZED (SELECT push, finished_at, recipients FROM progress
      WHERE finished_at < $1 AND finished_at IS NOT NULL AND notify_due_at IS NULL
      ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED),
    counted AS (SELECT push, sum(recipients) OVER (ORDER BY finished_at, push) - recipients AS before FROM old),
    gone AS (SELECT push FROM counted WHERE before < $2)
    DELETE FROM progress g USING gone WHERE ${sameKey("g.push", "gone.push")} RETURNING g.push`;
  const pushes = (await session.all<{ push: number }>(sql, [finishedBeforeMs, limit])).map(({ push }) => push);
  if (pushes.length === 0) return 0;
  await session.all(
    `WITH d AS (DELETE FROM deliveries WHERE push = ANY($1::int8[]) RETURNING id, state),
      f AS (DELETE FROM failures USING d WHERE ${sameKey("failures.state", "d.state")}
        AND ${sameKey("failures.id", "d.id")} AND d.state <> 'delivered')
    INSERT INTO state_counts SELECT state, -count(*) FROM d WHERE state = ANY($2::text[]) GROUP BY state`,
    [pushes, finalStates],
  );
  await session.all("DELETE FROM results WHERE push = ANY($1::int8[])", [pushes]);
  await session.all("DELETE FROM pushes WHERE id = ANY($1::int8[])", [pushes]);
  return pushes.length;
}

async function deliveryRow(session: PostgresSession, id: number): Promise<DeliveryRow | undefined> {
  const sql = `SELECT ${ANY_DELIVERY_COLUMNS} FROM ${ANY_DELIVERY} WHERE d.id = $1`;
  const [row] = await session.all<DeliveryRow>(sql, [id]);
  return row;
}
