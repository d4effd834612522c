import {
  type DeliveryAction,
  type DeliveryResult,
  type ImdnDisposition,
  isContentTypeRefused,
  isRetryable,
  type OutcomeRow,
  outcomeOf,
  type PushMessage,
  type Representation,
} from "@sip-push/push";
import {
  decodeText,
  endsSubscription,
  type NotifyOutcome,
  parseRetryAfter,
  type SendOutcome,
  type SipResponse,
} from "@sip-push/sip";
import { requiredOptions } from "./re-offer.ts";

/** What came of one request, and the row of the outcome table for it. */
export interface Result {
  readonly row: OutcomeRow;
  /** Undefined when there was none. */
  readonly response: SipResponse | undefined;
  /** For people, one line. */
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;
}

/**
 * The result of a final response.
 *
 * @param representation what was offered instead of the push's own content.
 */
export function responseResult(
  response: SipResponse,
  push: PushMessage,
  representation: Representation = push,
): Result {
  const { statusCode, headers } = response;
  const facts = {
    contentTypeRefused: statusCode >= 400 && isContentTypeRefused(response, representation.contentType),
    optionRequired: statusCode >= 400 && requiredOptions(push).length > 0,
  };
  return {
    row: outcomeOf(statusCode, facts),
    response,
    reason: `${statusCode} ${decodeText(response.reason)}`.trim(),
    retryAfterSeconds: parseRetryAfter(headers.get("Retry-After")),
  };
}

/** The result of a request that got no final response. */
export function failureResult(code: DeliveryResult, reason: string, failureRetryable: boolean): Result {
  return { row: outcomeOf(code, { failureRetryable }), response: undefined, reason, retryAfterSeconds: undefined };
}

/** The result of a delivery report, or of one that did not come. @param response what was answered to the push, if anything. */
export function reportResult(disposition: ImdnDisposition | "missing", response: SipResponse | undefined): Result {
  const said = response === undefined ? "no answer" : `${response.statusCode} ${decodeText(response.reason)}`.trim();
  const report = disposition === "missing" ? "no delivery report came" : `the delivery report says ${disposition}`;
  return {
    row: outcomeOf(`imdn ${disposition}`),
    response,
    reason: `${said}; ${report}`,
    retryAfterSeconds: undefined,
  };
}

/** Whether a 2xx says that somebody took the push. */
export function isAccepted({ statusCode }: SipResponse): boolean {
  return statusCode >= 200 && statusCode < 300;
}

/** Min-Expires of a 423, in seconds; 0 when it says none. */
export function minExpiresOf(response: SipResponse | undefined): number {
  const value = response?.headers.get("Min-Expires") ?? "";
  return /^[0-9]{1,9}$/.test(value) ? Number(value) : 0;
}

/** After a 2xx there is nothing left to try, and a 6xx speaks for all targets (RFC 3261 §8.1.3.4, §21.6). */
export function mayTryAnotherTarget({ response, row }: Result): boolean {
  return response === undefined ? isRetryable(row) : response.statusCode >= 300 && response.statusCode < 600;
}

/** Answers that say that the target of the dialog is not there, and that one may try again: RFC 3261 §21.4.18, RFC 5626 §11.3. */
const TARGET_ABSENT: ReadonlySet<number> = new Set([430, 477, 480]);

/**
 * What to do about the outcome of a NOTIFY. That the target of a dialog is not there, or leads nowhere, says nothing about the user
 * (RFC 5057 §5.1), and a dialog goes nowhere else: its target is set by the subscriber alone (RFC 6665 §4.4.1).
 *
 * @param mayFallBack there is another way to the user.
 */
export function notifyAction(
  action: DeliveryAction,
  outcome: NotifyOutcome | SendOutcome,
  mayFallBack: boolean,
): DeliveryAction {
  if (action === "follow") return "fallBackToMessage";
  if (outcome.kind === "failure") {
    return outcome.code === "SIP_UNRESOLVED" && mayFallBack ? "fallBackToMessage" : action;
  }
  const { statusCode } = outcome.response;
  if (TARGET_ABSENT.has(statusCode) && mayFallBack) return "fallBackToMessage";
  // Not that the subscription is over counts, but that this answer ended it: whoever took a push, or declined it, got it.
  return action === "finish" && endsSubscription(statusCode) ? "removeSubscription" : action;
}
