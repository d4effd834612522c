import { isFinal, isLive } from "../delivery/delivery.machine.ts";
import { IS_ABSENT } from "./advance-rules.ts";
import {
  callIdOf,
  DELIVERY_COLUMNS,
  type DeliveryRow,
  deliveryOf,
  type FoundRow,
  foundOf,
  idOfCallId,
  PUSH_COLUMNS,
  PUSH_SUMMARY_COLUMNS,
  type PushRow,
  pushOf,
  pushSummaryOf,
  stateCountsOf,
  timelineOfText,
} from "./rows.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import type { SqliteLookup } from "./sqlite-lookup.ts";
import { lastIdOf } from "./sqlite-submit.ts";
import type {
  DeliveryPage,
  DeliveryQuery,
  DeliveryRecord,
  PushName,
  PushStatus,
  StateCounts,
  StoredPush,
  TimelineEntry,
  WorkKind,
} from "./types.ts";

export function pushStatus(
  db: SqliteDatabase,
  lookup: SqliteLookup,
  { initiator, pushId }: PushName,
): PushStatus | undefined {
  const push = lookup.push(initiator, pushId);
  if (push === undefined) return undefined;
  const sql = `SELECT ${PUSH_SUMMARY_COLUMNS} FROM pushes WHERE id = ?`;
  const [row] = db.all<Omit<PushRow, "content" | "capabilities">>(sql, push);
  if (row === undefined) return undefined;
  const ofPush = `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id BETWEEN ? AND ? ORDER BY id`;
  const deliveries = db.all<DeliveryRow>(ofPush, push, lastIdOf(db, push)).map(deliveryOf);
  return { push: pushSummaryOf(row), deliveries };
}

export function pushById(db: SqliteDatabase, id: number): StoredPush | undefined {
  const row = db.all<PushRow>(`SELECT ${PUSH_COLUMNS} FROM pushes WHERE id = ?`, id)[0];
  return row === undefined ? undefined : pushOf(row);
}

export function deliveryById(db: SqliteDatabase, id: number): DeliveryRecord | undefined {
  const row = db.all<DeliveryRow>(`SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = ?`, id)[0];
  return row === undefined ? undefined : deliveryOf(row);
}

export function deliveryByCallId(db: SqliteDatabase, callId: string): DeliveryRecord | undefined {
  const id = idOfCallId(callId);
  if (id === undefined) return undefined;
  const row = db.all<DeliveryRow>(`SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE id = ?`, id)[0];
  return row !== undefined && callIdOf(row) === callId ? deliveryOf(row) : undefined;
}

export function timelineOf(db: SqliteDatabase, delivery: number): TimelineEntry[] {
  const [text] = db.row<[string]>("SELECT timeline FROM deliveries WHERE id = ?", delivery) ?? [""];
  return timelineOfText(text);
}

export function awaitingRegistration(db: SqliteDatabase, limit: number): string[] {
  const sql = `SELECT recipient FROM deliveries INDEXED BY absent WHERE ${IS_ABSENT}
    GROUP BY recipient ORDER BY max(id) DESC LIMIT ?`;
  return db.rows<[string]>(sql, limit).map(([recipient]) => recipient);
}

export function countByState(db: SqliteDatabase): StateCounts {
  return stateCountsOf(db.all<{ state: string; n: number }>("SELECT state, n FROM state_counts"));
}

const nextDue: Readonly<Record<WorkKind, string>> = {
  deliveries: [0, 1, 2]
    .map((priority) => {
      return `SELECT min(due_at) AS at FROM deliveries INDEXED BY due WHERE priority = ${priority} AND due_at IS NOT NULL`;
    })
    .join(" UNION ALL "),
  results: "SELECT min(notify_due_at) AS at FROM progress INDEXED BY notify_due WHERE notify_due_at IS NOT NULL",
};

export function nextDueAt(db: SqliteDatabase, of?: WorkKind): number | undefined {
  const least = of === undefined ? `${nextDue.deliveries} UNION ALL ${nextDue.results}` : nextDue[of];
  return db.row<[number | null]>(`SELECT min(at) FROM (${least})`)?.[0] ?? undefined;
}

/** Deliveries that one call looks at, so that no question holds up the pushes. */
const SCAN = 10_000;

/** Which ids are looked at, newest first, at most `SCAN + 1`: by the member of the question that leaves the fewest. */
function candidates(db: SqliteDatabase, lookup: SqliteLookup, query: DeliveryQuery): number[] {
  const { pushId, recipient, state, after = Number.MAX_SAFE_INTEGER } = query;
  const ids = (sql: string, ...values: (string | number)[]): number[] =>
    db.rows<[number]>(`${sql} ORDER BY id DESC LIMIT ${SCAN + 1}`, ...values).map(([id]) => id);
  if (pushId !== undefined) {
    const ofPush = "SELECT id FROM deliveries WHERE id BETWEEN ? AND ?";
    const pushes = lookup.pushes(pushId);
    const found = pushes.flatMap((push) => ids(ofPush, push, Math.min(lastIdOf(db, push), after - 1)));
    return found.sort((a, b) => b - a).slice(0, SCAN + 1);
  }
  if (recipient !== undefined) return lookup.deliveriesTo(recipient, after, SCAN + 1);
  if (state === undefined || state === "delivered") return ids("SELECT id FROM deliveries WHERE id < ?", after);
  if (isLive(state))
    return ids("SELECT id FROM deliveries WHERE due_at IS NOT NULL AND state = ? AND +id < ?", state, after);
  const failed = "SELECT id FROM deliveries INDEXED BY failed WHERE due_at IS NULL AND state <> 'delivered'";
  return isFinal(state) ? ids(`${failed} AND state = ? AND id < ?`, state, after) : [];
}

export function findDeliveries(db: SqliteDatabase, lookup: SqliteLookup, query: DeliveryQuery): DeliveryPage {
  const { limit } = query;
  const scanned = candidates(db, lookup, query);
  const columns = DELIVERY_COLUMNS.replace(/\w+/g, "d.$&");
  const sql = `SELECT ${columns}, p.initiator, p.push_id, p.accepted_at FROM deliveries d JOIN pushes p ON p.id = d.push WHERE d.id = ?`;
  const deliveries: DeliveryPage["deliveries"][number][] = [];
  for (const [index, id] of scanned.entries()) {
    if (deliveries.length === limit || index === SCAN) return { deliveries, next: scanned[index - 1] ?? null };
    const [row] = db.all<FoundRow>(sql, id);
    if (row !== undefined && matches(row, query)) deliveries.push(foundOf(row));
  }
  return { deliveries, next: null };
}

function matches(row: FoundRow, { initiator, pushId, recipient, state }: DeliveryQuery): boolean {
  return (
    (initiator === undefined || row.initiator === initiator) &&
    (pushId === undefined || row.push_id === pushId) &&
    (recipient === undefined || row.recipient === recipient) &&
    (state === undefined || row.state === state)
  );
}
