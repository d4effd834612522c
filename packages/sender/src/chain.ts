import { PushInputError } from "@sip-push/push";
import { TOKEN } from "@sip-push/sip";

/**
 * The attempts of one push to one recipient, over several calls of `deliver` and over restarts, kept together by the caller. All
 * its MESSAGEs have one Call-ID and From tag, so that a receiver that has the push answers and does not take it again; a CSeq
 * that grows tells a new attempt from a request that was repeated on its way (RFC 3261 §8.1.3.5, §8.2.2.2).
 */
export interface DeliveryChain {
  /**
   * A token of 128 characters at most that nobody can guess (RFC 3261 §8.1.1.4). A push that asks for a delivery report has it as
   * its Message-ID too (RFC 5438 §6.3), so that a report is understood wherever it comes in.
   */
  readonly callId: string;
  /** CSeq of the first request of this call: higher than any in the calls before. 1 to 2^31 - 1000. */
  readonly cseq: number;
}

const MAX_CALL_ID = 128;
/** RFC 3261 §8.1.1.5: less than 2^31, and a call may need some. */
const MAX_CSEQ = 2 ** 31 - 1000;
const TAG_LENGTH = 16;

/** @throws {PushInputError} PUSH_BAD_OPTION naming `chain.callId` or `chain.cseq`. */
export function checkChain({ callId, cseq }: DeliveryChain): void {
  if (callId.length > MAX_CALL_ID || !TOKEN.test(callId)) {
    throw new PushInputError("PUSH_BAD_OPTION", "chain.callId", `is no token of up to ${MAX_CALL_ID} characters`);
  }
  if (!Number.isInteger(cseq) || cseq < 1 || cseq > MAX_CSEQ) {
    throw new PushInputError("PUSH_BAD_OPTION", "chain.cseq", `must be an integer from 1 to ${MAX_CSEQ}`);
  }
}

/** The From tag of a chain: the end of its Call-ID, which is as random. */
export function chainTag(callId: string): string {
  return callId.slice(-TAG_LENGTH);
}
