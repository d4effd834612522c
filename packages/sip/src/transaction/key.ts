import { MAGIC_COOKIE, paramValue, type SipRequest, sentByOf } from "../message/index.ts";

/**
 * What a server transaction is found by: branch, sent-by and method (RFC 3261 §17.2.3); without the magic cookie the
 * rules of RFC 2543 senders: Request-URI, tags, Call-ID, CSeq and topmost Via.
 */
export function serverKey(request: SipRequest): string {
  const via = request.via;
  const { method } = request;
  const branch = via.params.get("branch");
  if (branch?.startsWith(MAGIC_COOKIE) && branch.length > MAGIC_COOKIE.length) {
    return `${branch} ${sentByOf(via)} ${method}`;
  }
  const { from, to, cseq } = request;
  return [
    request.requestUri,
    paramValue(from.params, "tag") ?? "",
    paramValue(to.params, "tag") ?? "",
    request.callId,
    cseq.seq,
    method,
    sentByOf(via),
    branch ?? "",
  ].join(" ");
}
