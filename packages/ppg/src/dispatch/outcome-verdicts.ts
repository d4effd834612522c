import { type PapCode, papCodes } from "@sip-push/pap";
import { PushInputError, type PushInputErrorCode } from "@sip-push/push";
import type { PushOutcome } from "@sip-push/sender";
import type { DestinationVerdict } from "./destinations.ts";

/** What the end of an attempt says about its destination. */
export function destinationVerdict({ sipStatus, messageState, retryable, attempts }: PushOutcome): DestinationVerdict {
  if (sipStatus !== null) return sipStatus === 503 ? "failure" : "success";
  // Nothing was sent, or nobody waits for the answer.
  if (messageState === "cancelled" || messageState === "unknown" || messageState === "expired") return "withdrawn";
  return retryable || attempts > 0 ? "failure" : "withdrawn";
}

/** Whether the attempt was ended from our side, so that nothing is known about it. */
export function wasWithdrawn({ sipStatus, messageState, report }: PushOutcome): boolean {
  return sipStatus === null && report === null && (messageState === "cancelled" || messageState === "unknown");
}

const refusalCodes: Partial<Record<PushInputErrorCode, PapCode>> = {
  PUSH_BAD_RECIPIENT: papCodes.addressError,
  PUSH_BAD_CONTENT_TYPE: papCodes.contentTypeNotProcessed,
  PUSH_BODY_TOO_LARGE: papCodes.requiredCapabilitiesNotSupported,
  PUSH_INSECURE_PROXY: papCodes.notPossible,
};

/** The outcome of what the sender refused to send: never again as it is; of a fault of ours: later. */
export function outcomeOfError(error: unknown, to: string, callId: string): PushOutcome {
  const refused = error instanceof PushInputError;
  return {
    to,
    messageState: refused ? "undeliverable" : "pending",
    papCode: refused ? (refusalCodes[error.code] ?? papCodes.internalServerError) : papCodes.internalServerError,
    sipStatus: null,
    sipReason: null,
    reason: error instanceof Error ? error.message : String(error),
    retryable: !refused,
    retryAfterSeconds: undefined,
    attempts: 0,
    elapsedMs: 0,
    callId,
    via: null,
    report: null,
  };
}
