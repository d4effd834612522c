import type { ResponseInit, SipRequest } from "@sip-push/sip";

/** An answer that the proxy gives itself. */
export interface Refusal extends ResponseInit {
  readonly statusCode: number;
}

const SCHEMES: ReadonlySet<string> = new Set(["sip", "sips", "tel"]);
/** RFC 3261 §8.1.1.6: where a request without Max-Forwards starts. */
const INITIAL_MAX_FORWARDS = 70;

/** (2): a Request-URI of a scheme that nothing here can route. The transport layer has done (1), the syntax. */
export function checkScheme(request: SipRequest): Refusal | undefined {
  return SCHEMES.has(request.uri.scheme) ? undefined : { statusCode: 416 };
}

/** (3): a request that may go no further. RFC 3261 §16.3. */
export function checkMaxForwards(request: SipRequest): Refusal | undefined {
  return hopsLeft(request) === 0 ? { statusCode: 483 } : undefined;
}

/** (5): extensions that the proxy would have to support. It supports none. */
export function checkProxyRequire(request: SipRequest): Refusal | undefined {
  const tags = request.headers.list("Proxy-Require").filter((tag) => tag !== "");
  return tags.length === 0 ? undefined : { statusCode: 420, headers: [["Unsupported", tags.join(", ")]] };
}

/** Max-Forwards, undefined when it is missing. */
export function hopsLeft(request: SipRequest): number | undefined {
  const value = request.headers.get("Max-Forwards");
  return value === undefined ? undefined : Number(value);
}

/** RFC 3261 §16.6 (3). */
export function decrementMaxForwards(request: SipRequest): void {
  const left = hopsLeft(request);
  request.headers.set("Max-Forwards", String(left === undefined ? INITIAL_MAX_FORWARDS : left - 1));
}
