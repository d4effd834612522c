import {
  type DeliveryResult,
  isContentTypeRefused,
  type OutcomeRow,
  outcomeOf,
  type PushMessage,
  type Representation,
} from "@sip-push/push";
import { decodeText, parseRetryAfter, type SipResponse } from "@sip-push/sip";
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
 * @param representation what was offered.
 */
export function responseResult(response: SipResponse, push: PushMessage, representation: Representation): Result {
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
