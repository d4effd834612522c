import { newChargingVector, type SipHeaders } from "@sip-push/sip";

/** Header fields that mean something inside the trust domain only. RFC 5502 §5, RFC 7315 §4.5, §4.6. */
const INSIDE_ONLY: readonly string[] = ["P-Served-User", "P-Charging-Vector", "P-Charging-Function-Addresses"];

/** Where a user is: for the trust domain, whether the user agent says it or the network. RFC 7315 §4.4. */
const ACCESS_NETWORK = "P-Access-Network-Info";
const NETWORK_PROVIDED = /;\s*network-provided\s*(?:;|$)/i;

/**
 * Takes out what a message may not bring into the trust domain. Of P-Access-Network-Info that is what the network alone says;
 * the rest is the user agent's own word. RFC 5502 §6, RFC 7315 §4.4, §5.
 */
export function stripOnEntry(headers: SipHeaders): void {
  for (const name of INSIDE_ONLY) if (headers.has(name)) headers.remove(name);
  if (!headers.has(ACCESS_NETWORK)) return;
  const values = headers.list(ACCESS_NETWORK);
  const own = values.filter((value) => !NETWORK_PROVIDED.test(value));
  if (own.length === values.length) return;
  headers.remove(ACCESS_NETWORK);
  for (const value of own) headers.add(ACCESS_NETWORK, value);
}

/** Takes out what a message may not carry out of the trust domain. RFC 5502 §6, RFC 7315 §5, §6.4. */
export function stripOnExit(headers: SipHeaders): void {
  for (const name of [...INSIDE_ONLY, ACCESS_NETWORK]) if (headers.has(name)) headers.remove(name);
}

/** Names the user that the application server serves with this request, called (`term`). RFC 5502 §4. */
export function setServedUser(headers: SipHeaders, aor: string, registered: boolean): void {
  headers.set("P-Served-User", `<${aor}>;sescase=term;regstate=${registered ? "reg" : "unreg"}`);
}

/** One charging identity for the whole way: the first element of the domain makes it. RFC 7315 §4.6. */
export function ensureChargingVector(headers: SipHeaders): void {
  if (!headers.has("P-Charging-Vector")) headers.add("P-Charging-Vector", newChargingVector());
}
