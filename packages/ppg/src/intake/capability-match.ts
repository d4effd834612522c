import { decodeCapabilities, type PapMessage, papCodes } from "@sip-push/pap";
import { allowsType } from "@sip-push/push";
import type { PushSubmission, SubmittedRecipient } from "../store/types.ts";
import type { OperationContext } from "./operation-context.ts";
import type { Refusal } from "./refusal.ts";
import { pushAcceptOf } from "./ua-prof.ts";

type Context = Pick<OperationContext, "capabilitiesOf" | "logger">;

const MISMATCH = papCodes.capabilitiesMismatch;

/**
 * Compares the content of a push with the capabilities that its initiator states, and where it fits these, with what is known of each
 * handset: only an initiator that states some wants it compared. What nobody knows is no mismatch, and no handset is asked: the push
 * itself will tell. PAP 2.x 2005.
 *
 * @returns the push, with the recipients rejected whose handset is known not to take it; a refusal when there is none left.
 */
export async function matchCapabilities(
  submission: PushSubmission,
  { capabilities }: Pick<PapMessage, "capabilities">,
  context: Context,
): Promise<PushSubmission | Refusal> {
  const stated = capabilities === undefined ? null : pushAcceptOf(decodeCapabilities(capabilities));
  if (stated === null) return submission;
  const { contentType } = submission;
  if (!allowsType(stated, contentType)) {
    return { papCode: MISMATCH, desc: `the capabilities beside it do not accept ${contentType}` };
  }
  const recipients = await Promise.all(submission.recipients.map((each) => matched(each, submission, context)));
  const others = recipients.find(({ rejected }) => rejected === undefined);
  const first = recipients.find(({ rejected }) => rejected?.papCode === MISMATCH)?.rejected;
  return others === undefined && first !== undefined
    ? { papCode: MISMATCH, desc: first.reason }
    : { ...submission, recipients };
}

async function matched(
  recipient: SubmittedRecipient,
  { contentType, initiator }: PushSubmission,
  { capabilitiesOf, logger }: Context,
): Promise<SubmittedRecipient> {
  if (recipient.rejected !== undefined) return recipient;
  try {
    const known = await capabilitiesOf(recipient.recipient, null, { ask: false });
    const types = known === null || typeof known === "number" ? null : (known.mediaTypes ?? null);
    if (types === null || allowsType(types, contentType)) return recipient;
  } catch (error) {
    logger.warn({ err: error, initiator, recipient: recipient.recipient }, "capabilities not compared");
    return recipient;
  }
  return { ...recipient, rejected: { papCode: MISMATCH, reason: `the handset is known not to accept ${contentType}` } };
}
