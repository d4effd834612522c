import { isRetryable, papCodes } from "@sip-push/push";
import { decodeText } from "@sip-push/sip";
import type { Expiry } from "./expiry.ts";
import type { PushOutcome } from "./outcome.ts";
import type { Result } from "./result.ts";

/** What the caller is told of a push that ended. */
export type OutcomeVerdict = Pick<PushOutcome, "messageState" | "papCode" | "reason" | "retryable">;

/** deliver-before passed before anything could be sent. */
export const expiredVerdict: OutcomeVerdict = {
  messageState: "expired",
  papCode: papCodes.forbidden,
  reason: "deliver-before has passed",
  retryable: false,
};

export const cancelledVerdict: OutcomeVerdict = {
  messageState: "cancelled",
  papCode: papCodes.userRequest,
  reason: "cancelled by the caller",
  retryable: false,
};

/** What the last result says; what may not be tried again because deliver-before has passed is expired. */
export function verdictOf({ row, reason }: Result, expiry: Expiry): OutcomeVerdict {
  const { messageState, papCode } = row;
  const retryable = isRetryable(row);
  return retryable && expiry.passed
    ? { messageState: "expired", papCode, reason: `deliver-before has passed; last: ${reason}`, retryable: false }
    : { messageState, papCode, reason, retryable };
}

/** The outcome with the facts about the last result. */
export function outcomeFrom(
  verdict: OutcomeVerdict,
  last: Result | undefined,
  facts: Pick<PushOutcome, "to" | "attempts" | "elapsedMs" | "callId" | "via" | "report">,
): PushOutcome {
  const response = last?.response;
  return {
    ...facts,
    ...verdict,
    sipStatus: response?.statusCode ?? null,
    sipReason: response === undefined ? null : decodeText(response.reason),
    retryAfterSeconds: verdict.retryable ? last?.retryAfterSeconds : undefined,
  };
}
