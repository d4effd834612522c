import { heldDelivery } from "./holding.ts";
import { packer } from "./packing.ts";
import { claimedOf, type NotificationRow, notificationOf, priorityNumber, pushOf } from "./rows.ts";
import type {
  ClaimedDelivery,
  ClaimRequest,
  HoldRequest,
  PushSubmission,
  RejectedDelivery,
  ResultNotification,
  StoredPush,
  SubmitResult,
  SubmittedRecipient,
} from "./types.ts";

/* How what is sent most goes between the threads: columns as the database has them, without their names. */

type Time = number | null;

/** A push-message. */
export type PushForm = readonly [
  initiator: string,
  pushId: string,
  deliverAfter: Time,
  deliverBefore: Time,
  priority: number,
  deliveryMethod: string,
  notifyUrl: string | null,
  progressNotes: number,
  contentType: string,
  applicationData: string,
  capabilities: Uint8Array | null,
  content: Uint8Array,
  replace: PushSubmission["replace"],
  recipients: readonly SubmittedRecipient[],
  /** Claim it at once. */
  hold: boolean,
];

/** Who claims what is submitted with `hold`. */
export interface HoldForm {
  readonly owner: string;
  readonly untilMs: number;
}

/** `rejected` null: none, as most are sent. `callToken`: of what is held. */
export type SubmittedForm =
  | { readonly id: number; readonly rejected: readonly RejectedDelivery[] | null; readonly callToken: string | null }
  | Exclude<SubmitResult, { readonly result: "accepted" }>["result"];

/** Columns of {@link DELIVERY_COLUMNS}. */
export type DeliveryColumns = readonly [
  id: number,
  push: number,
  address: string,
  recipient: string,
  priority: number,
  state: string,
  dueAt: Time,
  owner: string | null,
  version: number,
  attempts: number,
  callToken: string,
  sipStatus: number | null,
  papCode: number,
  reason: string,
  eventAt: number,
  cancelRequested: number,
];

/** Of a delivery that is due, as it was before the claim. */
export type DueColumns = readonly [
  ...columns: DeliveryColumns,
  overtaken: number | null,
  /** The one that it must not overtake is under way. */
  waits: number | null,
];

/** Columns of {@link PUSH_COLUMNS}. */
export type PushColumns = readonly [
  id: number,
  initiator: string,
  pushId: string,
  acceptedAt: number,
  deliverAfter: Time,
  deliverBefore: Time,
  priority: number,
  deliveryMethod: string,
  notifyUrl: string | null,
  progressNotes: number,
  contentType: string,
  applicationData: string,
  capabilities: Uint8Array | null,
  content: Uint8Array,
];

/** What was claimed, as it was before, with the pushes that it belongs to. */
export interface ClaimForm {
  readonly deliveries: readonly DueColumns[];
  readonly pushes: readonly PushColumns[];
}

export type NotificationColumns = readonly [
  push: number,
  sequence: number,
  attempts: number,
  notifyUrl: string,
  initiator: string,
  pushId: string,
  acceptedAt: number,
  address: string,
  state: string,
  papCode: number,
  reason: string,
  eventAt: number,
  priority: number,
  deliveryMethod: string,
  applicationData: string,
];

/** @param held those of them that are claimed at once. */
export function pushForms(submissions: readonly PushSubmission[], held: ReadonlySet<PushSubmission>): PushForm[] {
  const pack = packer(submissions.map(({ content, capabilities }) => [content, capabilities]));
  return submissions.map((push) => [
    push.initiator,
    push.pushId,
    push.deliverAfterMs,
    push.deliverBeforeMs,
    priorityNumber(push.priority),
    push.deliveryMethod,
    push.notifyUrl,
    push.progressNotesRequested ? 1 : 0,
    push.contentType,
    JSON.stringify(push.applicationData),
    push.capabilities === null ? null : pack(push.capabilities),
    pack(push.content),
    push.replace,
    push.recipients,
    held.has(push),
  ]);
}

export function submittedFrom(
  form: SubmittedForm,
  submission: PushSubmission,
  nowMs: number,
  hold: HoldRequest | undefined,
): SubmitResult {
  if (typeof form === "string") return { result: form };
  const { id, rejected, callToken } = form;
  return {
    result: "accepted",
    id,
    rejected: rejected ?? [],
    held:
      callToken === null || hold === undefined ? null : heldDelivery(submission, id, { id, callToken }, nowMs, hold),
  };
}

/** The same with all octets in one buffer. */
export function packPushes(pushes: readonly PushColumns[]): PushColumns[] {
  const pack = packer(pushes.map(([, , , , , , , , , , , , capabilities, content]) => [content, capabilities]));
  return pushes.map(([a, b, c, d, e, f, g, h, i, j, k, l, capabilities, content]) => {
    return [a, b, c, d, e, f, g, h, i, j, k, l, capabilities === null ? null : pack(capabilities), pack(content)];
  });
}

/** What the claim made of it. */
export function claimedFrom(
  { deliveries, pushes }: ClaimForm,
  { owner, nowMs, leaseMs }: ClaimRequest,
): ClaimedDelivery[] {
  const contents = new Map(pushes.map((columns) => [columns[0], storedPushFrom(columns)]));
  return deliveries.flatMap((columns) => {
    const [id, push, address, recipient, priority, state, , , version, attempts, call_token, sip_status] = columns;
    const [, , , , , , , , , , , , pap_code, reason, event_at, cancel_requested, overtaken] = columns;
    const content = contents.get(push);
    if (content === undefined) return [];
    const waits = state === "waiting-report";
    const row = {
      id,
      push,
      address,
      recipient,
      priority,
      state: waits ? state : "sending",
      due_at: nowMs + leaseMs,
      owner,
      version: version + 1,
      attempts: attempts + (waits ? 0 : 1),
      call_token,
      sip_status,
      pap_code,
      reason,
      event_at,
      cancel_requested,
    };
    return [claimedOf(row, { wokenFrom: state, overtaken: overtaken === 1 }, content)];
  });
}

function storedPushFrom(columns: PushColumns): StoredPush {
  const [id, initiator, push_id, accepted_at, deliver_after, deliver_before, priority, delivery_method] = columns;
  const [, , , , , , , , notify_url, progress_notes, content_type, application_data, capabilities, content] = columns;
  return pushOf({
    id,
    initiator,
    push_id,
    accepted_at,
    deliver_after,
    deliver_before,
    priority,
    delivery_method,
    notify_url,
    progress_notes,
    content_type,
    application_data,
    capabilities,
    content,
  });
}

export function notificationFrom(columns: NotificationColumns, owner: string): ResultNotification {
  const [push, result_seq, notify_attempts, notify_url, initiator, push_id, accepted_at, address, state] = columns;
  const [, , , , , , , , , pap_code, reason, event_at, priority, delivery_method, application_data] = columns;
  const row: NotificationRow = {
    push,
    result_seq,
    notify_attempts,
    notify_url,
    initiator,
    push_id,
    accepted_at,
    address,
    state,
    pap_code,
    reason,
    event_at,
    priority,
    delivery_method,
    application_data,
  };
  return notificationOf(row, owner);
}
