import { papCodes } from "@sip-push/pap";
import { changeDeliveries } from "./postgres-changes.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { DELIVERY_COLUMNS, type DeliveryRow, firstDueMs, newCallToken, priorityNumber } from "./rows.ts";
import { cancelledChange, type TakeBackReason, takeBack } from "./take-back.ts";
import type { CancelledAddress, CancelVerdict, PushSelector, PushSubmission, SubmitResult } from "./types.ts";

/** A push-message, and when it came. */
export interface Arrival {
  readonly submission: PushSubmission;
  readonly nowMs: number;
}

const insertPushes = `INSERT INTO pushes (initiator, push_id, accepted_at, deliver_after, deliver_before, priority,
    delivery_method, notify_url, progress_notes, content_type, application_data, open, capabilities, content)
  SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int2[], $7::text[], $8::text[],
    $9::int2[], $10::text[], $11::text[], $12::int4[], $13::bytea[], $14::bytea[])
  ON CONFLICT (initiator, push_id) DO NOTHING RETURNING id, initiator, push_id`;
const insertDeliveries = `INSERT INTO deliveries (push, address, recipient, priority, state, due_at, call_token, pap_code, event_at)
  SELECT push, address, recipient, priority, 'pending', due_at, call_token, ${papCodes.acceptedForProcessing}, event_at
  FROM unnest($1::int8[], $2::text[], $3::text[], $4::int2[], $5::int8[], $6::text[], $7::int8[])
    AS c(push, address, recipient, priority, due_at, call_token, event_at)`;

/** Push-messages in the order in which they came: neighbours that replace nothing go in together. */
export async function submitPushes(session: PostgresSession, arrivals: readonly Arrival[]): Promise<SubmitResult[]> {
  const results: SubmitResult[] = [];
  for (let from = 0; from < arrivals.length; from = results.length) {
    const end = arrivals.findIndex(({ submission }, index) => index >= from && submission.replace !== null);
    const arrival = arrivals[from] as Arrival;
    if (end === from) results.push(await replacePush(session, arrival));
    else results.push(...(await insertAll(session, arrivals.slice(from, end === -1 ? undefined : end))));
  }
  if (results.some(({ result }) => result === "accepted")) session.announceWork();
  return results;
}

/** One cancel-message. */
export async function cancelPush(
  session: PostgresSession,
  { initiator, pushId, addresses }: PushSelector,
  nowMs: number,
): Promise<readonly CancelledAddress[] | undefined> {
  const push = await pushRowId(session, initiator, pushId);
  if (push === undefined) return undefined;
  const rows = await lockOfPush(session, push);
  return takeBackAll(session, rows, [...new Set(addresses ?? rows.keys())], "cancelled", nowMs);
}

async function replacePush(session: PostgresSession, { submission, nowMs }: Arrival): Promise<SubmitResult> {
  const { initiator, pushId, replace } = submission;
  if (replace === null) throw new TypeError("replaces nothing");
  const replaced = await pushRowId(session, initiator, replace.pushId);
  const duplicate = (await pushRowId(session, initiator, pushId)) !== undefined;
  if (duplicate) return { result: "duplicate" };
  if (replaced === undefined) return { result: "replacedNotFound" };
  const old = await lockOfPush(session, replaced);
  const waits = (address: string): boolean => takeBack(old.get(address)?.state) === "cancelled";
  const recipients =
    replace.method === "all" ? submission.recipients : submission.recipients.filter(({ address }) => waits(address));
  if (recipients.length === 0) return { result: "nothingToReplace" };
  const [result = { result: "duplicate" }] = await insertAll(session, [
    { submission: { ...submission, recipients }, nowMs },
  ]);
  if (result.result === "accepted") await takeBackAll(session, old, result.addresses, "replaced", nowMs);
  return result;
}

async function insertAll(session: PostgresSession, arrivals: readonly Arrival[]): Promise<SubmitResult[]> {
  const firsts = new Map<string, Arrival>();
  for (const arrival of arrivals) {
    const key = keyOf(arrival.submission.initiator, arrival.submission.pushId);
    if (!firsts.has(key)) firsts.set(key, arrival);
  }
  // In one order on all nodes, so that two that submit the same push-ids do not wait for each other.
  const sorted = [...firsts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, arrival]) => arrival);
  const column = <T>(value: (submission: PushSubmission) => T): T[] =>
    sorted.map(({ submission }) => value(submission));
  const rows = await session.all<{ id: number; initiator: string; push_id: string }>(insertPushes, [
    column(({ initiator }) => initiator),
    column(({ pushId }) => pushId),
    sorted.map(({ nowMs }) => nowMs),
    column(({ deliverAfterMs }) => deliverAfterMs),
    column(({ deliverBeforeMs }) => deliverBeforeMs),
    column(({ priority }) => priorityNumber(priority)),
    column(({ deliveryMethod }) => deliveryMethod),
    column(({ notifyUrl }) => notifyUrl),
    column(({ progressNotesRequested }) => (progressNotesRequested ? 1 : 0)),
    column(({ contentType }) => contentType),
    column(({ applicationData }) => JSON.stringify(applicationData)),
    column(({ recipients }) => recipients.length),
    column(({ capabilities }) => capabilities),
    column(({ content }) => content),
  ]);
  const ids = new Map(rows.map((row) => [firsts.get(keyOf(row.initiator, row.push_id)), row.id]));
  await insertRecipients(session, sorted, ids);
  return arrivals.map((arrival) => {
    const id = ids.get(arrival);
    if (id === undefined) return { result: "duplicate" };
    return { result: "accepted", id, addresses: arrival.submission.recipients.map(({ address }) => address) };
  });
}

async function insertRecipients(
  session: PostgresSession,
  arrivals: readonly Arrival[],
  ids: ReadonlyMap<Arrival | undefined, number>,
): Promise<void> {
  const rows = arrivals.flatMap((arrival) => {
    const push = ids.get(arrival);
    if (push === undefined) return [];
    const { submission, nowMs } = arrival;
    const priority = priorityNumber(submission.priority);
    const dueMs = firstDueMs(submission, nowMs);
    return submission.recipients.map((each) => ({ ...each, push, priority, dueMs, nowMs }));
  });
  if (rows.length === 0) return;
  await session.all(insertDeliveries, [
    rows.map(({ push }) => push),
    rows.map(({ address }) => address),
    rows.map(({ recipient }) => recipient),
    rows.map(({ priority }) => priority),
    rows.map(({ dueMs }) => dueMs),
    rows.map(newCallToken),
    rows.map(({ nowMs }) => nowMs),
  ]);
  session.count("pending", rows.length);
}

async function takeBackAll(
  session: PostgresSession,
  rows: ReadonlyMap<string, DeliveryRow>,
  addresses: readonly string[],
  reason: TakeBackReason,
  nowMs: number,
): Promise<CancelledAddress[]> {
  const verdicts = addresses.map((address) => ({ address, verdict: takeBack(rows.get(address)?.state) }));
  const having = (wanted: CancelVerdict): DeliveryRow[] =>
    verdicts.flatMap(({ address, verdict }) => (verdict === wanted ? (rows.get(address) ?? []) : []));
  const cancelled = having("cancelled");
  await changeDeliveries(
    session,
    cancelled.map((row) => ({ row, change: cancelledChange(row.sip_status, reason, nowMs) })),
  );
  const requested = having("requested").map(({ id }) => id);
  if (requested.length > 0)
    await session.all("UPDATE deliveries SET cancel_requested = 1 WHERE id = ANY($1::int8[])", [requested]);
  return verdicts;
}

async function pushRowId(session: PostgresSession, initiator: string, pushId: string): Promise<number | undefined> {
  const sql = "SELECT id FROM pushes WHERE initiator = $1 AND push_id = $2";
  const [row] = await session.all<{ id: number }>(sql, [initiator, pushId]);
  return row?.id;
}

async function lockOfPush(session: PostgresSession, push: number): Promise<Map<string, DeliveryRow>> {
  const sql = `SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE push = $1 ORDER BY id FOR UPDATE`;
  const rows = await session.all<DeliveryRow>(sql, [push]);
  return new Map(rows.map((row) => [row.address, row]));
}

const keyOf = (initiator: string, pushId: string): string => JSON.stringify([initiator, pushId]);
