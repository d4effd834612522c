import { serializeAcceptContact } from "@sip-push/push";
import {
  createRequest,
  decodeText,
  parseRetryAfter,
  type RequestSender,
  type SendFailureCode,
  type SendOptions,
} from "@sip-push/sip";
import type { CapabilityBook } from "./capability-book.ts";
import { fromOptions, type HandsetFacts } from "./facts.ts";

/** Whom to ask, and as whom. */
export interface CapabilityQuery {
  /** Request-URI: the user's address-of-record, or one handset's contact or GRUU. */
  readonly target: string;
  /** From without its tag: a name-addr or a URI. */
  readonly from: string;
  /** Asks a handset that has this application (RFC 3841): with it the core chooses, without it any may answer. */
  readonly applicationId?: string;
  /** More header fields: Route, P-Asserted-Identity, … */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  /** Where the answer is entered; under the target. */
  readonly book?: CapabilityBook;
}

/** How the question ended. A refusal is an outcome. */
export type CapabilityAnswer =
  | { readonly kind: "answered"; readonly sipStatus: number; readonly learnt: HandsetFacts }
  | {
      readonly kind: "refused";
      /** 300 to 699: what a push would get now (RFC 3261 §11.2). */
      readonly sipStatus: number;
      readonly reason: string;
      readonly retryAfterSeconds: number | undefined;
    }
  | { readonly kind: "failed"; readonly code: SendFailureCode; readonly reason: string; readonly retryable: boolean };

/**
 * Asks what a handset can take: OPTIONS outside a dialog (RFC 3261 §11). Its 200 tells Accept, Allow, Allow-Events,
 * Supported and, in Contact, the feature tag. Never rejects.
 */
export async function queryCapabilities(
  sender: RequestSender,
  query: CapabilityQuery,
  sendOptions: SendOptions = {},
): Promise<CapabilityAnswer> {
  const { target, from, applicationId, headers = [], book } = query;
  // RFC 3261 §11.1: Accept says what may come in the answer's body; SDP is all that is ever sent there.
  const fields: Array<readonly [string, string]> = [...headers, ["Accept", "application/sdp"]];
  if (applicationId !== undefined) fields.push(["Accept-Contact", serializeAcceptContact(applicationId)]);
  const request = createRequest({ method: "OPTIONS", requestUri: target, from, headers: fields });
  const outcome = await sender.send(request, sendOptions);
  if (outcome.kind === "failure") {
    const { code, reason, retryable } = outcome;
    return { kind: "failed", code, reason, retryable };
  }
  const { response } = outcome;
  const { statusCode } = response;
  if (statusCode >= 300) {
    return {
      kind: "refused",
      sipStatus: statusCode,
      reason: decodeText(response.reason),
      retryAfterSeconds: parseRetryAfter(response.headers.get("Retry-After")),
    };
  }
  const learnt = fromOptions(response);
  book?.learn(target, "options", learnt);
  return { kind: "answered", sipStatus: statusCode, learnt };
}
