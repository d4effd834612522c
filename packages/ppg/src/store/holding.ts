import { acceptedForProcessing, callIdOf } from "./rows.ts";
import type { ClaimedDelivery, HoldRequest, PushSubmission, StoredPush } from "./types.ts";

/* Deliveries that are claimed as they are submitted. */

/** Which of them may be, in their order, as many as are asked for: those to one recipient who is to be reached now. */
export function holdable(
  submissions: readonly PushSubmission[],
  nowMs: number,
  hold: HoldRequest | undefined,
): ReadonlySet<PushSubmission> {
  if (hold === undefined) return none;
  const chosen = new Set<PushSubmission>();
  for (const submission of submissions) {
    if (chosen.size >= hold.limit) break;
    if (isHoldable(submission, nowMs)) chosen.add(submission);
  }
  return chosen;
}

const none: ReadonlySet<PushSubmission> = new Set();

function isHoldable({ recipients, replace, deliverAfterMs, deliverBeforeMs }: PushSubmission, nowMs: number): boolean {
  const [only] = recipients;
  if (recipients.length !== 1 || only?.rejected !== undefined || replace !== null) return false;
  return (deliverAfterMs ?? nowMs) <= nowMs && (deliverBeforeMs ?? nowMs) >= nowMs;
}

/** The delivery of a push to one recipient as a claim would give it. */
export function heldDelivery(
  submission: PushSubmission,
  push: number,
  { id, callToken }: { readonly id: number; readonly callToken: string },
  nowMs: number,
  { owner, leaseMs }: HoldRequest,
): ClaimedDelivery {
  const { recipients, replace: _, ...content } = submission;
  const { address = "", recipient = "" } = recipients[0] ?? {};
  const callId = callIdOf({ id, call_token: callToken });
  const lease = { id, owner, callId, dueAtMs: nowMs + leaseMs };
  return heldOf({ ...lease, address, recipient }, { ...content, id: push, acceptedAtMs: nowMs });
}

/** What is not the same for all that are held. */
export type HeldPart = Pick<ClaimedDelivery, "id" | "owner" | "callId" | "dueAtMs" | "address" | "recipient">;

export function heldOf(part: HeldPart, content: StoredPush): ClaimedDelivery {
  const { id, owner, callId, dueAtMs, address, recipient } = part;
  return {
    id,
    push: content.id,
    address,
    recipient,
    priority: content.priority,
    state: "sending",
    dueAtMs,
    owner,
    version: 1,
    attempts: 1,
    callId,
    sipStatus: null,
    papCode: acceptedForProcessing,
    reason: "",
    eventAtMs: content.acceptedAtMs,
    cancelRequested: false,
    wokenFrom: "pending",
    overtaken: false,
    content,
  };
}
