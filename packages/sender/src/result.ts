import {
  type DeliveryResult,
  type ImdnDisposition,
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
