import { isFinal } from "../delivery/delivery.machine.ts";
import type { PostgresSession } from "./postgres-database.ts";
import {
  callIdOf,
  checkLimit,
  conditionsOf,
  DELIVERY_COLUMNS,
  type DeliveryRow,
  deliveryOf,
  idOfCallId,
  PUSH_SUMMARY_COLUMNS,
  type PushRow,
  pushOf,
  pushSummaryOf,
  stateCountsOf,
  type TimelineRow,
  timelineEntryOf,
} from "./rows.ts";
import { statusOf } from "./status.ts";
import type {
  DeliveryPage,
  DeliveryQuery,
  DeliveryRecord,
  PushSelector,
  PushStatus,
  StateCounts,
  StoredPush,
  TimelineEntry,
} from "./types.ts";

/** Rows of `state_counts` that are added up, so that there are never many. */
const foldCounts = `WITH gone AS (DELETE FROM state_counts RETURNING state, n)
  INSERT INTO state_counts SELECT state, sum(n)::int8 FROM gone GROUP BY state`;

export async function pushStatus(session: PostgresSession, selector: PushSelector): Promise<PushStatus | undefined> {
  const sql = `SELECT ${PUSH_SUMMARY_COLUMNS} FROM pushes WHERE initiator = $1 AND push_id = $2`;
  type Row = Omit<PushRow, "content" | "capabilities">;
  const [row] = await session.all<Row>(sql, [selector.initiator, selector.pushId]);
  if (row === undefined) return undefined;
  const ofPush = `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE push = $1 ORDER BY id`;
  const deliveries = await session.all<DeliveryRow>(ofPush, [row.id]);
  return statusOf(pushSummaryOf(row), deliveries.map(deliveryOf), selector.addresses);
}

export async function pushById(session: PostgresSession, id: number): Promise<StoredPush | undefined> {
  const [row] = await session.all<PushRow>("SELECT * FROM pushes WHERE id = $1", [id]);
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
  const sql = "SELECT * FROM timeline WHERE delivery = $1 ORDER BY version";
  return (await session.all<TimelineRow>(sql, [delivery])).map(timelineEntryOf);
}

export async function findDeliveries(session: PostgresSession, query: DeliveryQuery): Promise<DeliveryPage> {
  checkLimit(query.limit);
  const { where, values } = conditionsOf(query);
  let place = 0;
  const numbered = where.replace(/\?/g, () => `$${++place}`);
  const columns = DELIVERY_COLUMNS.replace(/\w+/g, "d.$&");
  const sql = `SELECT ${columns}, p.initiator, p.push_id FROM deliveries d JOIN pushes p ON p.id = d.push ${numbered}
    ORDER BY d.id DESC LIMIT $${place + 1}`;
  type Row = DeliveryRow & { initiator: string; push_id: string };
  const rows = await session.all<Row>(sql, [...values, query.limit + 1]);
  const page = rows.slice(0, query.limit);
  const deliveries = page.map((row) => ({ ...deliveryOf(row), initiator: row.initiator, pushId: row.push_id }));
  return { deliveries, next: rows.length > page.length ? (page.at(-1)?.id ?? null) : null };
}

export async function countByState(session: PostgresSession): Promise<StateCounts> {
  await session.all(foldCounts);
  const sql = "SELECT state, sum(n)::int8 AS n FROM state_counts GROUP BY state";
  return stateCountsOf(await session.all<{ state: string; n: number }>(sql));
}

export async function nextDueAt(session: PostgresSession): Promise<number | undefined> {
  const least = (priority: number): string => `(SELECT min(due_at) FROM deliveries WHERE priority = ${priority})`;
  const sql = `SELECT least(${[0, 1, 2].map(least).join(", ")}, (SELECT min(notify_due_at) FROM pushes)) AS at`;
  const [row] = await session.all<{ at: number | null }>(sql);
  return row?.at ?? undefined;
}

/** Deletes finished pushes with all that belongs to them. */
export async function prunePushes(session: PostgresSession, finishedBeforeMs: number, limit: number): Promise<number> {
  checkLimit(limit);
  await session.all(foldCounts);
  const sql = `SELECT id FROM pushes WHERE finished_at < $1 AND notify_due_at IS NULL
    ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED`;
  const pushes = (await session.all<{ id: number }>(sql, [finishedBeforeMs, limit])).map(({ id }) => id);
  if (pushes.length === 0) return 0;
  const gone = await session.all<{ id: number; state: string }>(
    "DELETE FROM deliveries WHERE push = ANY($1::int8[]) RETURNING id, state",
    [pushes],
  );
  await session.all("DELETE FROM timeline WHERE delivery = ANY($1::int8[])", [gone.map(({ id }) => id)]);
  await session.all("DELETE FROM pushes WHERE id = ANY($1::int8[])", [pushes]);
  for (const { state } of gone) if (isFinal(state)) session.count(state, -1);
  return pushes.length;
}

async function deliveryRow(session: PostgresSession, id: number): Promise<DeliveryRow | undefined> {
  const sql = `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = $1`;
  const [row] = await session.all<DeliveryRow>(sql, [id]);
  return row;
}
