import { parseUri, SipParseError, type SipUri, urisEqual } from "../message/index.ts";
import { type Flow, transports } from "../transport/transport.ts";
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
}

/**
 * @param identity URI to be known by, one of the user's own: P-Preferred-Identity (RFC 3325 §9.2). One that the registrar does
 *   not list is left out, because the network would choose another anyhow.
 */
export function userRouteOf(source: UserRouteSource, identity?: string): UserRoute {
  const { serviceRoute, associatedUris, flow, nextHop, accessNetworkInfo } = source;
  const headers: Array<readonly [string, string]> = [];
  if (serviceRoute.length > 0) headers.push(["Route", serviceRoute.join(", ")]);
  if (accessNetworkInfo !== undefined) headers.push(["P-Access-Network-Info", accessNetworkInfo]);
  const preferred = identity === undefined ? undefined : ownIdentity(identity, associatedUris);
  if (preferred !== undefined) headers.push(["P-Preferred-Identity", `<${preferred}>`]);
  // A datagram flow would keep a large request from changing to TCP (RFC 3261 §18.1.1).
  if (flow !== undefined && transports[flow.transport].reliable) return { headers, sending: { flow } };
  return { headers, sending: nextHop === undefined ? {} : { nextHop } };
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
