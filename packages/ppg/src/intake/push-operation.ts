import {
  descOf,
  type PapCode,
  type ProgressNote,
  type PushResponse,
  papCodeDescriptions,
  papCodes,
} from "@sip-push/pap";
import type { PpgEvent, PpgObserver } from "../events.ts";
import type { PushSubmission, RejectedDelivery, SubmitResult } from "../store/types.ts";
import { matchCapabilities } from "./capability-match.ts";
import type { Answered, Handler, OperationContext, Received } from "./operation-context.ts";
import { submissionOf } from "./push-submission.ts";
import { describePart } from "./recipients.ts";
import { isRefusal, type Refusal } from "./refusal.ts";
import { spelledAsIn } from "./stored-addresses.ts";
import { withoutPassword } from "./without-password.ts";

/** What the initiator is told when the store does not take its push. */
const refusals: Readonly<Record<Exclude<SubmitResult["result"], "accepted">, Refusal>> = {
  duplicate: { papCode: papCodes.duplicatePushId, desc: papCodeDescriptions[papCodes.duplicatePushId] },
  replacedNotFound: { papCode: papCodes.pushIdNotFound, desc: "there is no push with this replace-push-id" },
  nothingToReplace: {
    papCode: papCodes.cancellationNotPossible,
    desc: "no address waits for the push to replace: it is done, goes elsewhere, or the handset or a relay has it",
  },
};

/**
 * Checks a push, stores it, and answers 1001 when it is committed. One that replaces another `pending-only` goes to those for whom that
 * can be taken back: where an attempt of it is under way, once that has failed. To all others the result is `rejected`, 2008, also where
 * that attempt arrives. With nobody to go to it is answered 2008 at once. PAP 2.x push-message.
 */
export const submitPush: Handler<"push-message"> = async (operation, received, context) => {
  const { clock, observe, logger } = context;
  const read = submissionOf(operation, received, context);
  const submission = isRefusal(read) || isPlain(read) ? read : await lookedUp(read, received, context);
  const checkedAt = clock.date();
  if (isRefusal(submission))
    return pushResponse(operation, received, context, submission, [{ stage: "checked", time: checkedAt }]);
  const { result, atMs } = await context.submissions.add(submission);
  if (result.result !== "accepted") {
    return pushResponse(operation, received, context, refusals[result.result], [{ stage: "checked", time: checkedAt }]);
  }
  const { pushId, initiator, recipients } = submission;
  const { rejected } = result;
  const accepted = recipients.length - rejected.length;
  const elapsedMs = clock.now() - received.startedMs;
  observe({
    event: "accepted",
    push: result.id,
    pushId,
    initiator,
    atMs,
    recipients: accepted,
    elapsedMs,
  });
  if (rejected.length > 0) tellRejected(rejected, { push: result.id, pushId, initiator, atMs }, observe);
  logger.debug({ pushId, initiator, recipients: accepted, elapsedMs }, "push accepted");
  const desc = describePart(recipients.length, rejected) ?? papCodeDescriptions[papCodes.acceptedForProcessing];
  const notes = [
    { stage: "checked", time: checkedAt },
    { stage: "stored", time: new Date(atMs) },
  ];
  return pushResponse(operation, received, context, { papCode: papCodes.acceptedForProcessing, desc }, notes);
};

/** Deliveries that ended with their submission are told as all are that end. */
function tellRejected(
  rejected: readonly RejectedDelivery[],
  of: Pick<Extract<PpgEvent, { event: "state" }>, "push" | "pushId" | "initiator" | "atMs">,
  observe: PpgObserver,
): void {
  for (const { delivery, recipient, papCode, reason } of rejected) {
    observe({
      event: "state",
      ...of,
      delivery,
      recipient: withoutPassword(recipient),
      from: "pending",
      to: "rejected",
      papCode,
      sipStatus: null,
      reason: withoutPassword(reason),
      acceptedAtMs: of.atMs,
    });
  }
}

/** Of most pushes all is known from what they say. */
function isPlain({ capabilities, replace }: PushSubmission): boolean {
  return capabilities === null && replace === null;
}

/** A push with what is known of its handsets, and of the push that it replaces: the store knows a recipient by one spelling. */
async function lookedUp(
  push: PushSubmission,
  { message }: Received,
  context: OperationContext,
): Promise<PushSubmission | Refusal> {
  const submission = push.capabilities === null ? push : await matchCapabilities(push, message, context);
  if (isRefusal(submission) || submission.replace === null) return submission;
  const { initiator, replace, recipients } = submission;
  const replaced = await context.store.status({ initiator, pushId: replace.pushId });
  return replaced === undefined ? submission : { ...submission, recipients: spelledAsIn(replaced, recipients) };
}

/** @param notes after that of having received it; sent when they were asked for. */
export function pushResponse(
  { pushId, progressNotesRequested }: { readonly pushId: string; readonly progressNotesRequested: boolean },
  { receivedAt }: Pick<Received, "receivedAt">,
  { clock, senderAddress, senderName }: Pick<OperationContext, "clock" | "senderAddress" | "senderName">,
  { papCode, desc }: { readonly papCode: PapCode; readonly desc: string },
  notes: readonly ProgressNote[] = [],
): Answered {
  const operation: PushResponse = {
    kind: "push-response",
    pushId,
    senderAddress,
    senderName,
    replyTime: clock.date(),
    progressNotes: progressNotesRequested ? [{ stage: "received", time: receivedAt }, ...notes] : [],
    responseResult: { code: papCode, desc: descOf(desc) },
  };
  return { operation, papCode };
}
