import { parseNameAddr, parseUri, SipParseError, type SipUri, urisEqual } from "../message/index.ts";
import { type Flow, type TransportName, transports } from "../transport/transport.ts";
import { staysOnTls } from "./registration-contact.ts";
import type { SendOptions } from "./request-sender.ts";

/** How a request of the registered user leaves: what to write in it, and where to send it. */
export interface UserRoute {
  /** Route (the Service-Route, RFC 3608 §6.1), P-Access-Network-Info and P-Preferred-Identity, as far as there are any. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>;
  /** For `RequestSender.send`: the registered connection (RFC 5626 §4.3), or the outbound proxy. */
  readonly sending: Pick<SendOptions, "flow" | "nextHop">;
}

/** What a registration knows about the way. */
export interface UserRouteSource {
  readonly serviceRoute: readonly string[];
  readonly associatedUris: readonly string[];
  /** Undefined unless requests are to take it. */
  readonly flow: Flow | undefined;
  readonly nextHop: SipUri | undefined;
  readonly accessNetworkInfo: string | undefined;
  /** The way to the first hop is secure by other means than TLS. */
  readonly trustedAccess: boolean;
  /** What requests can leave on. */
  readonly supported: readonly TransportName[];
}

/**
 * @param identity URI to be known by, one of the user's own: P-Preferred-Identity (RFC 3325 §9.2). One that the registrar does
 *   not list is left out, because the network would choose another anyhow.
 */
export function userRouteOf(source: UserRouteSource, identity?: string): UserRoute {
  const { serviceRoute, associatedUris, flow, nextHop, accessNetworkInfo } = source;
  const headers: Array<readonly [string, string]> = [];
  if (serviceRoute.length > 0) headers.push(["Route", serviceRoute.join(", ")]);
  if (accessNetworkInfo !== undefined && isHopSecure(source))
    headers.push(["P-Access-Network-Info", accessNetworkInfo]);
  const preferred = identity === undefined ? undefined : ownIdentity(identity, associatedUris);
  if (preferred !== undefined) headers.push(["P-Preferred-Identity", `<${preferred}>`]);
  // A datagram flow would keep a large request from changing to TCP (RFC 3261 §18.1.1).
  if (flow !== undefined && isConnection(flow)) return { headers, sending: { flow } };
  return { headers, sending: nextHop === undefined ? {} : { nextHop } };
}

/**
 * RFC 7315 §6.4: what P-Access-Network-Info tells is for a hop of the home network that nobody can listen at. That is the one
 * that the request takes, not the one that the REGISTER took; without a route it may go to anybody.
 */
function isHopSecure({ flow, nextHop, serviceRoute, trustedAccess, supported }: UserRouteSource): boolean {
  if (trustedAccess) return true;
  if (flow !== undefined && isConnection(flow)) return transports[flow.transport].secure;
  const [first] = serviceRoute;
  const hop = nextHop ?? (first === undefined ? undefined : parseNameAddr(first, "Service-Route").uri);
  return (hop?.scheme === "sip" || hop?.scheme === "sips") && staysOnTls(hop, supported);
}

function isConnection({ transport }: Flow): boolean {
  return transports[transport].reliable;
}

function ownIdentity(identity: string, associated: readonly string[]): string | undefined {
  if (associated.length === 0) return identity;
  return associated.find((uri) => isSame(uri, identity));
}

function isSame(a: string, b: string): boolean {
  try {
    return urisEqual(parseUri(a), parseUri(b));
  } catch (error) {
    if (error instanceof SipParseError) return false;
    throw error;
  }
}
