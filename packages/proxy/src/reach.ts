import { bareHost, type Flow, isNumericHost, type SipUri, transports, type Via } from "@sip-push/sip";
import type { Reach } from "./location-store.ts";

/** RFC 7118 §5.2: a host that nobody can look up, RFC 6761 §6.4. */
const INVALID = /(?:^|\.)invalid$/;

/** True for a contact that only its own connection leads to: it cannot listen. RFC 7118 §5. */
export function needsFlow(uri: SipUri): boolean {
  return INVALID.test(uri.host) || /^wss?$/i.test(uri.params.get("transport") ?? "");
}

/**
 * How to reach a contact that registered over `flow`.
 *
 * - with outbound, on the flow (RFC 5626 §7);
 * - one that cannot listen, on the flow;
 * - one of another machine than the sender of the REGISTER (a third-party registration), by its URI;
 * - one over a connection, on that while it is open: there may be no way in the other direction;
 * - one over UDP, by its URI (RFC 3261 §16.6), unless a NAT stands between: it is then where the REGISTER came from.
 */
export function reachOf(uri: SipUri, flow: Flow | undefined, via: Via, outbound: boolean): Reach {
  if (flow === undefined) return "address";
  if (outbound || needsFlow(uri)) return "flow-only";
  const thinksItIs = via.host === uri.host;
  const isAt = bareHost(uri.host) === flow.remote.address;
  if (!thinksItIs && !isAt) return "address";
  if (transports[flow.transport].reliable) return "flow-first";
  return isAt || !isNumericHost(uri.host) ? "address" : "flow-only";
}

/** True when nothing listens where the contact says but the connection itself, which is now closed. */
export function diesWithFlow(uri: SipUri, reach: Reach, flow: Flow): boolean {
  if (reach !== "flow-first") return reach === "flow-only";
  return bareHost(uri.host) === flow.remote.address && uri.port === flow.remote.port;
}
