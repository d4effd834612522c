import { headerId } from "../message/header-names.ts";
import { emptyBody, encodeText, newCallId, newTag, SipHeaders, SipRequest } from "../message/index.ts";

/** Written from the body, whatever the caller says: with the other fields that costs less than when it is encoded. */
const CONTENT_LENGTH: number = headerId("Content-Length");

/** What a request outside a dialog is made of. Text is Unicode; it leaves as UTF-8. */
export interface RequestInit {
  readonly method: string;
  readonly requestUri: string;
  /** From without its tag: a name-addr or a URI. */
  readonly from: string;
  /** To: a name-addr or a URI; the Request-URI when left out. */
  readonly to?: string;
  /** Defaults to a new one; keep it for retries of the same thing, so that a receiver can tell (RFC 3261 §8.1.3.5). */
  readonly callId?: string;
  /** 1 unless given. */
  readonly cseq?: number;
  /** New unless given. */
  readonly fromTag?: string;
  readonly toTag?: string;
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly body?: Uint8Array;
}

/** A request with the fields of RFC 3261 §8.1.1; Via is added when it is sent. */
export function createRequest(init: RequestInit): SipRequest {
  const to = bracketed(init.to ?? init.requestUri);
  const fields: Array<readonly [string, string]> = [
    ["Max-Forwards", "70"],
    ["From", `${bracketed(init.from)};tag=${init.fromTag ?? newTag()}`],
    ["To", init.toTag === undefined ? to : `${to};tag=${init.toTag}`],
    ["Call-ID", init.callId ?? newCallId()],
    ["CSeq", `${init.cseq ?? 1} ${init.method}`],
  ];
  for (const [name, value] of init.headers ?? []) {
    if (headerId(name) !== CONTENT_LENGTH) fields.push([name, encodeText(value)]);
  }
  const body = init.body ?? emptyBody;
  fields.push(["Content-Length", String(body.length)]);
  return new SipRequest(init.method, encodeText(init.requestUri), SipHeaders.of(fields), body);
}

/** A bare URI gets `<` `>`, so that its parameters cannot be taken for the header's (RFC 3261 §20). */
function bracketed(address: string): string {
  return encodeText(address.includes("<") ? address : `<${address}>`);
}
