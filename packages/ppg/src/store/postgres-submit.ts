import { heldDelivery } from "./holding.ts";
import { changeDeliveries } from "./postgres-changes.ts";
import type { PostgresSession } from "./postgres-database.ts";
import { sameKey, unindexed } from "./postgres-plans.ts";
import { type LockedRow, lockOfPush, pushRowId, takeBackAll } from "./postgres-take-back.ts";
import { acceptedForProcessing, newCallToken, priorityNumber } from "./rows.ts";
import { pendingOnly, placeBehind, placeOf, rejectedChange } from "./take-back.ts";
import type {
  ClaimedDelivery,
  HoldRequest,
  PushSubmission,
  RejectedDelivery,
  Rejection,
  SubmitResult,
  SubmittedRecipient,
} from "./types.ts";

/** A push-message, when it came, and who claims its delivery at once. */
export interface Arrival {
  readonly submission: PushSubmission;
  readonly nowMs: number;
  readonly hold: HoldRequest | undefined;
}

/** Pushes, deliveries and their places in the queue, in one round trip. LEAST and GREATEST leave out what is null. */
const insert = `WITH p AS (
    INSERT INTO pushes (initiator, push_id, accepted_at, deliver_after, deliver_before, priority, delivery_method, notify_url,
      progress_notes, content_type, application_data, recipients, capabilities, content)
    SELECT * FROM unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::int8[], $6::int2[], $7::text[], $8::text[],
      $9::int2[], $10::text[], $11::text[], $12::int4[], $13::bytea[], $14::bytea[])
    ON CONFLICT (push_id, initiator) DO NOTHING
    RETURNING id, initiator, push_id, accepted_at, priority, recipients, notify_url,
      LEAST(GREATEST(accepted_at, deliver_after), deliver_before) AS due_at),
  d AS (
    INSERT INTO deliveries (push, recipients, notify, address, recipient, priority, call_token, pap_code, event_at)
    SELECT p.id, p.recipients, CASE WHEN p.notify_url IS NULL THEN 0 ELSE 1 END, r.address, r.recipient, p.priority,
      r.call_token, ${acceptedForProcessing}, p.accepted_at
    FROM unnest($15::text[], $16::text[], $17::text[], $18::text[], $19::text[]) WITH ORDINALITY
        AS r(initiator, push_id, address, recipient, call_token, place)
      JOIN p USING (push_id, initiator)
    ORDER BY r.place RETURNING id, push, call_token),
  h AS (SELECT p.id AS push, h.owner, h.until
    FROM p JOIN unnest($20::text[], $21::text[], $22::text[], $23::int8[]) AS h(initiator, push_id, owner, until)
      USING (push_id, initiator)),
  q AS (
    INSERT INTO queue (id, priority, due_at, owner, state, version, attempts)
    SELECT d.id, p.priority, coalesce(h.until, p.due_at), h.owner,
      CASE WHEN h.owner IS NULL THEN 'pending' ELSE 'sending' END,
      CASE WHEN h.owner IS NULL THEN 0 ELSE 1 END, CASE WHEN h.owner IS NULL THEN 0 ELSE 1 END
    FROM d JOIN p ON p.id = d.push LEFT JOIN h ON h.push = p.id RETURNING id, state),
  n AS (
    INSERT INTO state_counts SELECT state, count(*) FROM q GROUP BY state)
  SELECT p.id, p.initiator, p.push_id, d.id AS delivery, d.call_token
  FROM p LEFT JOIN h ON h.push = p.id LEFT JOIN d ON d.push = h.push`;

interface InsertedRow {
  readonly id: number;
  readonly initiator: string;
  readonly push_id: string;
  /** Of what is held; null: it is to be claimed. */
  readonly delivery: number | null;
  readonly call_token: string | null;
}

/** Whether a push-message goes in together with others, in one statement. */
export function isPlain({ submission: { replace, recipients } }: Arrival): boolean {
  return replace === null && recipients.every(({ rejected }) => rejected === undefined);
}

/** Push-messages in the order in which they came: neighbours that replace nothing go in together. */
export async function submitPushes(session: PostgresSession, arrivals: readonly Arrival[]): Promise<SubmitResult[]> {
  const results: SubmitResult[] = [];
  for (let from = 0; from < arrivals.length; from = results.length) {
    const end = arrivals.findIndex(({ submission }, index) => index >= from && submission.replace !== null);
    const arrival = arrivals[from] as Arrival;
    if (end === from) results.push(await replacePush(session, arrival));
    else results.push(...(await insertPushes(session, arrivals.slice(from, end === -1 ? undefined : end))));
  }
  return results;
}

/** Push-messages that replace nothing. */
export async function insertPushes(session: PostgresSession, arrivals: readonly Arrival[]): Promise<SubmitResult[]> {
  const firsts = new Map<string, Arrival>();
  for (const arrival of arrivals) {
    const key = keyOf(arrival.submission.initiator, arrival.submission.pushId);
    if (!firsts.has(key)) firsts.set(key, arrival);
  }
  // In one order on all nodes, so that two that submit the same push-ids do not wait for each other.
  const sorted = [...firsts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, arrival]) => arrival);
  const rows = await session.all<InsertedRow>(insert, columnsOf(sorted));
  const inserted = new Map(rows.map((row) => [firsts.get(keyOf(row.initiator, row.push_id)), row]));
  if (rows.some(({ delivery }) => delivery === null)) session.announceWork("deliveries");
  const rejected = await rejectSome(session, inserted);
  return arrivals.map((arrival) => {
    const row = inserted.get(arrival);
    if (row === undefined) return { result: "duplicate" };
    return { result: "accepted", id: row.id, rejected: rejected.get(row.id) ?? [], held: heldOf(row, arrival) };
  });
}

function heldOf(
  { id: push, delivery: id, call_token: callToken }: InsertedRow,
  arrival: Arrival,
): ClaimedDelivery | null {
  const { submission, nowMs, hold } = arrival;
  if (id === null || callToken === null || hold === undefined) return null;
  return heldDelivery(submission, push, { id, callToken }, nowMs, hold);
}

function columnsOf(arrivals: readonly Arrival[]): unknown[][] {
  const column = <T>(value: (submission: PushSubmission) => T): T[] =>
    arrivals.map(({ submission }) => value(submission));
  const each = <T>(value: (recipient: SubmittedRecipient, push: PushSubmission) => T): T[] =>
    arrivals.flatMap(({ submission }) => submission.recipients.map((recipient) => value(recipient, submission)));
  const held = arrivals.filter(({ hold }) => hold !== undefined);
  return [
    column(({ initiator }) => initiator),
    column(({ pushId }) => pushId),
    arrivals.map(({ nowMs }) => nowMs),
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
    each((_, { initiator }) => initiator),
    each((_, { pushId }) => pushId),
    each(({ address }) => address),
    each(({ recipient }) => recipient),
    each(newCallToken),
    held.map(({ submission }) => submission.initiator),
    held.map(({ submission }) => submission.pushId),
    held.map(({ hold }) => hold?.owner),
    held.map(({ hold, nowMs }) => nowMs + (hold?.leaseMs ?? 0)),
  ];
}

const putBehind = `UPDATE queue q SET behind = b.behind, only_pending = b.only_pending = 1
  FROM deliveries d JOIN unnest($2::text[], $3::int8[], $4::int4[]) AS b(address, behind, only_pending) USING (address)
  WHERE d.push = $1 AND ${sameKey("q.id", "d.id")}`;

async function replacePush(session: PostgresSession, { submission, nowMs }: Arrival): Promise<SubmitResult> {
  const { initiator, pushId, replace } = submission;
  if (replace === null) throw new TypeError("replaces nothing");
  const replaced = await pushRowId(session, initiator, replace.pushId);
  const duplicate = (await pushRowId(session, initiator, pushId)) !== undefined;
  if (duplicate) return { result: "duplicate" };
  if (replaced === undefined) return { result: "replacedNotFound" };
  const rows = await lockOfPush(session, replaced);
  const old = new Map(rows.map((row) => [placeOf(row.recipient, row.state === "rejected"), row]));
  const oldOf = (each: SubmittedRecipient): LockedRow | undefined =>
    old.get(placeOf(each.recipient, each.rejected !== undefined));
  const { recipients: asked } = submission;
  const recipients = replace.method === "all" ? asked : pendingOnly(asked, (each) => oldOf(each)?.state);
  if (recipients === undefined) return { result: "nothingToReplace" };
  const [result = { result: "duplicate" }] = await insertPushes(session, [
    { submission: { ...submission, recipients }, nowMs, hold: undefined },
  ]);
  if (result.result !== "accepted") return result;
  await takeBackAll(session, [...new Set(recipients.map(oldOf))], "replaced", nowMs);
  const behind = recipients.flatMap((each) => {
    const other = placeBehind(oldOf(each), replace.method);
    return other === undefined ? [] : [{ address: each.address, ...other }];
  });
  if (behind.length > 0) {
    const column = <T>(value: (each: (typeof behind)[number]) => T): T[] => behind.map(value);
    await session.all(putBehind, [
      result.id,
      column(({ address }) => address),
      column((each) => each.behind),
      column(({ onlyPending }) => onlyPending),
    ]);
  }
  return result;
}

/** Ends deliveries that nobody else sees yet. Returns them by id of their push. */
async function rejectSome(
  session: PostgresSession,
  inserted: ReadonlyMap<Arrival | undefined, InsertedRow>,
): Promise<ReadonlyMap<number, readonly RejectedDelivery[]>> {
  const rejected = new Map<string, { readonly why: Rejection; readonly nowMs: number }>();
  const ended = new Map<number, RejectedDelivery[]>();
  for (const [arrival, { id: push }] of inserted) {
    for (const { address, rejected: why } of arrival?.submission.recipients ?? [])
      if (why !== undefined) rejected.set(keyOf(`${push}`, address), { why, nowMs: arrival?.nowMs ?? 0 });
  }
  if (rejected.size === 0) return ended;
  const sql = `SELECT id, push, address, recipient FROM deliveries WHERE push = ANY($1::int8[]) ORDER BY ${unindexed("id")}`;
  const rows = await session.all<{ id: number; push: number; address: string; recipient: string }>(sql, [
    [...inserted.values()].map(({ id }) => id),
  ]);
  const changes = rows.flatMap(({ id, push, address, recipient }) => {
    const each = rejected.get(keyOf(`${push}`, address));
    if (each === undefined) return [];
    const ofPush = ended.get(push) ?? [];
    ofPush.push({ delivery: id, address, recipient, ...each.why });
    ended.set(push, ofPush);
    return [{ lease: { id, version: 0, owner: null }, ...rejectedChange(each.why, each.nowMs) }];
  });
  await changeDeliveries(session, changes);
  return ended;
}

const keyOf = (initiator: string, pushId: string): string => JSON.stringify([initiator, pushId]);
