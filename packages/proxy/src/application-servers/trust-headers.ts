import { randomToken, type SipHeaders } from "@sip-push/sip";

/** Header fields that mean something inside the trust domain only. RFC 5502 §5, RFC 7315 §4.5, §4.6. */
const INSIDE_ONLY: readonly string[] = ["P-Served-User", "P-Charging-Vector", "P-Charging-Function-Addresses"];

/** Takes out what a message may neither bring into the trust domain nor carry out of it. RFC 5502 §6, RFC 7315 §5. */
export function stripInsideOnly(headers: SipHeaders): void {
  for (const name of INSIDE_ONLY) if (headers.has(name)) headers.remove(name);
}

/** Names the user that the application server serves with this request, called (`term`). RFC 5502 §4. */
export function setServedUser(headers: SipHeaders, aor: string, registered: boolean): void {
  headers.set("P-Served-User", `<${aor}>;sescase=term;regstate=${registered ? "reg" : "unreg"}`);
}

/** One charging identity for the whole way: the first element of the domain makes it. RFC 7315 §4.6. */
export function ensureChargingVector(headers: SipHeaders): void {
  if (!headers.has("P-Charging-Vector")) headers.add("P-Charging-Vector", newChargingVector());
}

export function newChargingVector(): string {
  return `icid-value=${randomToken(16)}`;
}
