import { acceptedForProcessing, callIdOf } from "./rows.ts";
import type { ClaimedDelivery, HoldRequest, PushSubmission } from "./types.ts";

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
  return {
    id,
    push,
    address,
    recipient,
    priority: content.priority,
    state: "sending",
    dueAtMs: nowMs + leaseMs,
    owner,
    version: 1,
    attempts: 1,
    callId: callIdOf({ id, call_token: callToken }),
    sipStatus: null,
    papCode: acceptedForProcessing,
    reason: "",
    eventAtMs: nowMs,
    cancelRequested: false,
    wokenFrom: "pending",
    content: { ...content, id: push, acceptedAtMs: nowMs },
  };
}
