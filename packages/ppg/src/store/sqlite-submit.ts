import { papCodes } from "@sip-push/pap";
import { DELIVERY_COLUMNS, type DeliveryRow, firstDueMs, newCallToken, priorityNumber } from "./rows.ts";
import { changeDelivery } from "./sqlite-changes.ts";
import type { SqliteDatabase } from "./sqlite-database.ts";
import { cancelledChange, type TakeBackReason, takeBack } from "./take-back.ts";
import type { CancelledAddress, CancelVerdict, PushSelector, PushSubmission, SubmitResult } from "./types.ts";

const insertPush = `INSERT INTO pushes (initiator, push_id, accepted_at, deliver_after, deliver_before, priority, delivery_method,
  notify_url, progress_notes, content_type, application_data, open, capabilities, content)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (initiator, push_id) DO NOTHING RETURNING id`;
const insertDelivery = `INSERT INTO deliveries (push, address, recipient, priority, state, due_at, call_token, pap_code, event_at)
  VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?)`;

/** One push-message in the transaction that runs. */
export function submitPush(db: SqliteDatabase, submission: PushSubmission, nowMs: number): SubmitResult {
  const { initiator, pushId, replace } = submission;
  let { recipients } = submission;
  if (replace !== null) {
    if (pushRowId(db, initiator, pushId) !== undefined) return { result: "duplicate" };
    const replaced = pushRowId(db, initiator, replace.pushId);
    if (replaced === undefined) return { result: "replacedNotFound" };
    const old = new Map(deliveriesOf(db, replaced).map((row) => [row.address, row]));
    if (replace.method === "pending-only") {
      recipients = recipients.filter(({ address }) => takeBack(old.get(address)?.state) === "cancelled");
      if (recipients.length === 0) return { result: "nothingToReplace" };
    }
    for (const { address } of recipients) takeBackDelivery(db, old.get(address), "replaced", nowMs);
  }
  const priority = priorityNumber(submission.priority);
  const inserted = db.all<{ id: number }>(
    insertPush,
    initiator,
    pushId,
    nowMs,
    submission.deliverAfterMs,
    submission.deliverBeforeMs,
    priority,
    submission.deliveryMethod,
    submission.notifyUrl,
    submission.progressNotesRequested ? 1 : 0,
    submission.contentType,
    JSON.stringify(submission.applicationData),
    recipients.length,
    submission.capabilities,
    submission.content,
  )[0];
  if (inserted === undefined) return { result: "duplicate" };
  const { id } = inserted;
  const dueMs = firstDueMs(submission, nowMs);
  const code = papCodes.acceptedForProcessing;
  for (const { address, recipient } of recipients)
    db.run(insertDelivery, id, address, recipient, priority, dueMs, newCallToken(), code, nowMs);
  db.count("pending", recipients.length);
  db.announceWork();
  return { result: "accepted", id, addresses: recipients.map(({ address }) => address) };
}

/** One cancel-message in the transaction that runs. */
export function cancelPush(
  db: SqliteDatabase,
  { initiator, pushId, addresses }: PushSelector,
  nowMs: number,
): readonly CancelledAddress[] | undefined {
  const push = pushRowId(db, initiator, pushId);
  if (push === undefined) return undefined;
  const rows = new Map(deliveriesOf(db, push).map((row) => [row.address, row]));
  return [...new Set(addresses ?? rows.keys())].map((address) => {
    return { address, verdict: takeBackDelivery(db, rows.get(address), "cancelled", nowMs) };
  });
}

function pushRowId(db: SqliteDatabase, initiator: string, pushId: string): number | undefined {
  return db.all<{ id: number }>("SELECT id FROM pushes WHERE initiator = ? AND push_id = ?", initiator, pushId)[0]?.id;
}

export function deliveriesOf(db: SqliteDatabase, push: number): DeliveryRow[] {
  return db.all<DeliveryRow>(`SELECT ${DELIVERY_COLUMNS} FROM deliveries WHERE push = ? ORDER BY id`, push);
}

function takeBackDelivery(
  db: SqliteDatabase,
  row: DeliveryRow | undefined,
  reason: TakeBackReason,
  nowMs: number,
): CancelVerdict {
  const verdict = takeBack(row?.state);
  if (row === undefined) return verdict;
  if (verdict === "requested") db.run("UPDATE deliveries SET cancel_requested = 1 WHERE id = ?", row.id);
  if (verdict === "cancelled") changeDelivery(db, row, cancelledChange(row.sip_status, reason, nowMs));
  return verdict;
}
