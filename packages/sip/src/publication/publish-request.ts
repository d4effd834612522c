import { parseMediaType, type SipRequest, TOKEN } from "../message/index.ts";
import { createRequest } from "../user-agent/request.ts";
import type { PublicationOperation, PublicationOptions, PublishedState } from "./publication-options.ts";

/** One PUBLISH: which of the four operations, on what. RFC 3903 §4.1. */
export interface Publish {
  readonly operation: PublicationOperation;
  /** Undefined for `initial` only. */
  readonly entityTag: string | undefined;
  /** Left out of the request by `refresh` and `remove`. */
  readonly state: PublishedState;
  readonly expiresSeconds: number;
}

/** What all PUBLISH requests of one publication share, and the number of this one. */
export interface PublishSequence {
  readonly callId: string;
  readonly fromTag: string;
  readonly cseq: number;
}

/** Body and SIP-If-Match are there or not as RFC 3903 Table 1 says. */
export function createPublish(options: PublicationOptions, sequence: PublishSequence, publish: Publish): SipRequest {
  const { requestUri, from = requestUri, to = requestUri, event } = options;
  const { operation, entityTag, state, expiresSeconds } = publish;
  const withBody = operation === "initial" || operation === "modify";
  const headers: Array<readonly [string, string]> = [];
  for (const route of options.route?.() ?? []) headers.push(["Route", route]);
  headers.push(["Event", event], ["Expires", String(expiresSeconds)]);
  if (entityTag !== undefined) headers.push(["SIP-If-Match", entityTag]);
  if (withBody) headers.push(["Content-Type", state.contentType]);
  headers.push(...(options.headers?.() ?? []));
  return createRequest({
    method: "PUBLISH",
    requestUri,
    from,
    to,
    ...sequence,
    headers,
    ...(withBody ? { body: state.body } : {}),
  });
}

/** @throws {SipParseError | TypeError} for what no PUBLISH may have as its state. */
export function checkState({ contentType, body }: PublishedState): void {
  parseMediaType(contentType);
  if (body.length === 0) throw new TypeError("body: a PUBLISH without one refreshes (RFC 3903 Table 1)");
}

/** @throws {TypeError} */
export function checkEvent(event: string): void {
  if (!TOKEN.test(event)) throw new TypeError("event: not a token");
}
