import { headerId } from "./header-names.ts";
import { SipHeaders } from "./headers.ts";
import { emptyBody, type SipRequest, SipResponse } from "./message.ts";
import { reasonPhrases } from "./reason.ts";
import { newTag } from "./tokens.ts";

/** Written from the body, whatever the caller says. */
const CONTENT_LENGTH: number = headerId("Content-Length");

/** What a response has beyond what it copies from the request. */
export interface ResponseInit {
  /** Reason phrase (octet string) instead of the usual one. */
  readonly reason?: string;
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body?: Uint8Array;
  /** To tag, when the user keeps one (a dialog); random otherwise. */
  readonly toTag?: string;
}

/**
 * A response to `request`: Via, From, Call-ID, CSeq and To copied, a tag added to To unless it is 100 or has one.
 * RFC 3261 §8.2.6.
 */
export function responseTo(request: SipRequest, statusCode: number, init: ResponseInit = {}): SipResponse {
  const { headers } = request;
  const to = headers.get("To") ?? "";
  const tagged = statusCode === 100 || hasTag(to) ? to : `${to};tag=${init.toTag ?? newTag()}`;
  const fields: Array<readonly [string, string]> = headers.getAll("Via").map((via) => ["Via", via] as const);
  fields.push(["From", headers.get("From") ?? ""], ["To", tagged], ["Call-ID", headers.get("Call-ID") ?? ""]);
  fields.push(["CSeq", headers.get("CSeq") ?? ""]);
  const timestamp = statusCode === 100 ? headers.get("Timestamp") : undefined;
  if (timestamp !== undefined) fields.push(["Timestamp", timestamp]);
  for (const field of init.headers ?? []) if (headerId(field[0]) !== CONTENT_LENGTH) fields.push(field);
  const body = init.body ?? emptyBody;
  fields.push(["Content-Length", String(body.length)]);
  const reason = init.reason ?? reasonPhrases[statusCode] ?? "";
  return new SipResponse(statusCode, reason, SipHeaders.of(fields), body);
}

/** The tag parameter stands behind the closing bracket, or anywhere in a bare addr-spec. */
function hasTag(to: string): boolean {
  return /;[ \t]*tag[ \t]*=/i.test(to.slice(to.lastIndexOf(">") + 1));
}
