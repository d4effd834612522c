import { acceptedForProcessing, firstDueMs, newCallToken } from "./rows.ts";
import { CHANGE_COLUMNS, changeDelivery, type DeliveryAsItIs, endTakenBack } from "./sqlite-changes.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import type { HoldForm, PushForm, SubmittedForm } from "./sqlite-forms.ts";
import type { SqliteLookup } from "./sqlite-lookup.ts";
import { pendingOnly, placeBehind, placeOf, rejectedChange, takeBack, takeBackNumbers } from "./take-back.ts";
import type {
  CancelledAddress,
  CancelVerdict,
  PushSelector,
  RejectedDelivery,
  SubmittedRecipient,
  TakeBackReason,
} from "./types.ts";

const insertPush = `INSERT INTO pushes (id, initiator, push_id, accepted_at, deliver_after, deliver_before, priority,
  delivery_method, notify_url, progress_notes, content_type, application_data, recipients, capabilities, content)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const insertDelivery = `INSERT INTO deliveries (id, push, recipients, notify, address, recipient, priority, state, due_at, version,
  attempts, call_token, pap_code, reason, event_at, cancel_requested, timeline)
  VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, 0, 0, ?, ${acceptedForProcessing}, '', ?, 0, '')`;
const insertHeldDelivery = `INSERT INTO deliveries (id, push, recipients, notify, address, recipient, priority, state, due_at, owner,
  version, attempts, call_token, pap_code, reason, event_at, cancel_requested, timeline)
  VALUES (?, ?, 1, ?, ?, ?, ?, 'sending', ?, ?, 1, 1, ?, ${acceptedForProcessing}, '', ?, 0, '')`;
const putBehind = "UPDATE deliveries SET behind = ?, only_pending = ? WHERE id = ?";
const selectOfPush = `SELECT address, recipient, ${CHANGE_COLUMNS} FROM deliveries WHERE id BETWEEN ? AND ? ORDER BY id`;

/** One push-message in the transaction that runs. */
export function submitPush(
  db: SqliteDatabase,
  lookup: SqliteLookup,
  form: PushForm,
  nowMs: number,
  hold: HoldForm | undefined,
): SubmittedForm {
  const [initiator, pushId, , , , , , , , , , , replace, all, isHeld] = form;
  let recipients: readonly SubmittedRecipient[] | undefined = all;
  const behind = new Map<string, ReturnType<typeof placeBehind>>();
  if (lookup.push(initiator, pushId) !== undefined) return "duplicate";
  if (isHeld && hold !== undefined) return insertHeld(db, lookup, form, hold, nowMs);
  if (replace !== null) {
    const replaced = lookup.push(initiator, replace.pushId);
    if (replaced === undefined) return "replacedNotFound";
    const old = new Map(
      deliveriesOf(db, replaced).map(({ recipient, row }) => [placeOf(recipient, row[4] === "rejected"), row]),
    );
    const replacedBy = (each: SubmittedRecipient): string => placeOf(each.recipient, each.rejected !== undefined);
    if (replace.method === "pending-only") {
      recipients = pendingOnly(all, (each) => old.get(replacedBy(each))?.[4]);
      if (recipients === undefined) return "nothingToReplace";
    }
    for (const place of new Set(recipients.map(replacedBy))) {
      const row = old.get(place);
      behind.set(place, placeBehind(row && { id: row[0], state: row[4], behind: row[10] }, replace.method));
      takeBackDelivery(db, row, "replaced", nowMs);
    }
  }
  const { id, rejected } = insertPending(db, lookup, form, recipients, behind, nowMs);
  db.announceWork("deliveries");
  return { id, rejected: rejected.length === 0 ? null : rejected, callToken: null };
}

/** One cancel-message in the transaction that runs. */
export function cancelPush(
  db: SqliteDatabase,
  lookup: SqliteLookup,
  { initiator, pushId, addresses }: PushSelector,
  nowMs: number,
): readonly CancelledAddress[] | undefined {
  const push = lookup.push(initiator, pushId);
  if (push === undefined) return undefined;
  const rows = new Map(deliveriesOf(db, push).map(({ address, row }) => [address, row]));
  return [...new Set(addresses ?? rows.keys())].map((address) => {
    return { address, verdict: takeBackDelivery(db, rows.get(address), "cancelled", nowMs) };
  });
}

/** Returns its id. */
function insert(db: SqliteDatabase, lookup: SqliteLookup, form: PushForm, count: number, nowMs: number): number {
  const [initiator, pushId, after, before, priority, method, notifyUrl, progressNotes, type, data, ...rest] = form;
  const [capabilities, content] = rest;
  const push = lookup.takeIds(count);
  const head = [push, initiator, pushId, nowMs, after, before, priority, method, notifyUrl, progressNotes] as const;
  db.run(insertPush, ...head, type, data, count, capabilities, content);
  lookup.addPush(pushId, push);
  return push;
}

/** A push to one recipient, whose delivery is claimed at once. */
function insertHeld(
  db: SqliteDatabase,
  lookup: SqliteLookup,
  form: PushForm,
  { owner, untilMs }: HoldForm,
  nowMs: number,
): SubmittedForm {
  const [, , , , priority, , notifyUrl, , , , , , , [only]] = form;
  if (only === undefined) throw new TypeError("no recipient");
  const { address, recipient } = only;
  const id = insert(db, lookup, form, 1, nowMs);
  const callToken = newCallToken();
  const notify = notifyUrl === null ? 0 : 1;
  db.run(insertHeldDelivery, id, id, notify, address, recipient, priority, untilMs, owner, callToken, nowMs);
  lookup.addRecipient(recipient, id);
  db.count("sending", 1);
  return { id, rejected: null, callToken };
}

/** Returns the id of the push, and what ended with that. */
function insertPending(
  db: SqliteDatabase,
  lookup: SqliteLookup,
  form: PushForm,
  recipients: readonly SubmittedRecipient[],
  behind: ReadonlyMap<string, ReturnType<typeof placeBehind>>,
  nowMs: number,
): { readonly id: number; readonly rejected: readonly RejectedDelivery[] } {
  const [, , after, before, priority, , notifyUrl] = form;
  const ended: RejectedDelivery[] = [];
  const count = recipients.length;
  const push = insert(db, lookup, form, count, nowMs);
  const notify = notifyUrl === null ? 0 : 1;
  const dueMs = firstDueMs(after, before, nowMs);
  let id = push;
  for (const { address, recipient, rejected } of recipients) {
    db.run(insertDelivery, id, push, count, notify, address, recipient, priority, dueMs, newCallToken(), nowMs);
    lookup.addRecipient(recipient, id);
    db.count("pending", 1);
    if (rejected !== undefined) {
      const row: DeliveryAsItIs = [id, push, count, notify, "pending", null, 0, 0, null, 0, null];
      changeDelivery(db, row, rejectedChange(rejected, nowMs));
      ended.push({ delivery: id, address, recipient, ...rejected });
    }
    const other = behind.get(placeOf(recipient, rejected !== undefined));
    if (other !== undefined) db.run(putBehind, other.behind, other.onlyPending, id);
    id += 1;
  }
  return { id: push, rejected: ended };
}

interface DeliveryOfPush {
  readonly address: string;
  readonly recipient: string;
  readonly row: DeliveryAsItIs;
}

function deliveriesOf(db: SqliteDatabase, push: number): DeliveryOfPush[] {
  const rows = db.rows<[string, string, ...DeliveryAsItIs]>(selectOfPush, push, lastIdOf(db, push));
  return rows.map(([address, recipient, ...row]) => ({ address, recipient, row }));
}

/** Id of the last delivery of a push; the first is the push's own. */
export function lastIdOf(db: SqliteDatabase, push: number): number {
  const [recipients] = db.row<[number]>("SELECT recipients FROM pushes WHERE id = ?", push) ?? [0];
  return push + recipients - 1;
}

function takeBackDelivery(
  db: SqliteDatabase,
  row: DeliveryAsItIs | undefined,
  reason: TakeBackReason,
  nowMs: number,
): CancelVerdict {
  const verdict = takeBack(row?.[4]);
  if (row === undefined) return verdict;
  if (verdict === "requested")
    db.run("UPDATE deliveries SET cancel_requested = ? WHERE id = ?", takeBackNumbers[reason], row[0]);
  if (verdict === "cancelled") endTakenBack(db, row, reason, nowMs);
  return verdict;
}
