import { type PapCode, type ProgressNote, type PushResponse, papCodeDescriptions, papCodes } from "@sip-push/pap";
import type { SubmitResult } from "../store/types.ts";
import { type Answered, descOf, type Handler, type OperationContext, type Received } from "./operation-context.ts";
import { submissionOf } from "./push-submission.ts";
import { describePart } from "./recipients.ts";
import { isRefusal, type Refusal } from "./refusal.ts";

/** What the initiator is told when the store does not take its push. */
const refusals: Readonly<Record<Exclude<SubmitResult["result"], "accepted">, Refusal>> = {
  duplicate: { papCode: papCodes.duplicatePushId, desc: papCodeDescriptions[papCodes.duplicatePushId] },
  replacedNotFound: { papCode: papCodes.pushIdNotFound, desc: "there is no push with this replace-push-id" },
  nothingToReplace: {
    papCode: papCodes.cancellationNotPossible,
    desc: "the push to replace waits for none of the addresses: it is done, or on its way",
  },
};

/** Checks a push, stores it, and answers 1001 when it is committed. PAP 2.x push-message. */
export const submitPush: Handler<"push-message"> = async (operation, received, context) => {
  const { clock, observe, logger } = context;
  const submission = submissionOf(operation, received, context);
  const checkedAt = clock.date();
  if (isRefusal(submission))
    return pushResponse(operation, received, context, submission, [{ stage: "checked", time: checkedAt }]);
  const { result, atMs } = await context.submissions.add(submission);
  if (result.result !== "accepted") {
    return pushResponse(operation, received, context, refusals[result.result], [{ stage: "checked", time: checkedAt }]);
  }
  const { pushId, initiator, recipients } = submission;
  const elapsedMs = clock.now() - received.startedMs;
  observe({
    event: "accepted",
    push: result.id,
    pushId,
    initiator,
    atMs,
    recipients: result.addresses.length,
    elapsedMs,
  });
  logger.debug({ pushId, initiator, recipients: result.addresses.length, elapsedMs }, "push accepted");
  const desc = describePart(recipients, result.addresses) ?? papCodeDescriptions[papCodes.acceptedForProcessing];
  const notes = [
    { stage: "checked", time: checkedAt },
    { stage: "stored", time: new Date(atMs) },
  ];
  return pushResponse(operation, received, context, { papCode: papCodes.acceptedForProcessing, desc }, notes);
};

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
