import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import {
  type Flow,
  parseTokenWithParams,
  type SipEndpoint,
  SipParseError,
  type SipRequest,
  type SipUri,
} from "@sip-push/sip";
import type { Aor } from "../domains.ts";
import type { ServiceTarget } from "./application-server.ts";

/** What the Routes of ours that a request came with say about services. */
export interface ServicePosition {
  /** `orig`: an application server acts for the user it serves; nothing is done for the one that is called. TS 24.229 §5.4.3.2. */
  readonly originating: boolean;
  /** Application servers that were asked already; undefined: it does not come back from one. */
  readonly done: number | undefined;
}

/** Where a request goes before, or instead of, the contacts of a user. */
export interface ServiceStep {
  readonly server: ServiceTarget;
  /** Route values, the server's first. */
  readonly routes: readonly string[];
  /** Whether the request is for a user of ours, and not for a service of the server. */
  readonly servesUser: boolean;
}

const MAC_BYTES = 10;
const RETURN = "isc";

/**
 * Sends requests to application servers, each in its turn, and knows them again when they come back by the second Route that
 * they were sent with: its user part is the original dialog identifier of TS 24.229 §5.4.3.3, here the number of servers that
 * were asked and a MAC over that and the Call-ID.
 */
export class ServiceRouting {
  readonly #servers: readonly ServiceTarget[];
  readonly #endpoint: Pick<SipEndpoint, "sentBy">;
  readonly #key = randomBytes(32);

  constructor(servers: readonly ServiceTarget[], endpoint: Pick<SipEndpoint, "sentBy">) {
    this.#servers = servers;
    this.#endpoint = endpoint;
  }

  /** @param ownRoutes Routes of ours that were taken off. */
  position(ownRoutes: readonly SipUri[], callId: string, trusted: boolean): ServicePosition {
    let done: number | undefined;
    for (const uri of ownRoutes) if (uri.params.has(RETURN)) done = this.#read(uri.user ?? "", callId) ?? done;
    return { originating: trusted && ownRoutes.some(({ params }) => params.has("orig")), done };
  }

  /** The next server for a request to `aor`; undefined: none, or no more. */
  next(
    request: SipRequest,
    aor: Aor,
    position: ServicePosition,
    cameOn: Flow,
    known: boolean,
  ): ServiceStep | undefined {
    if (position.done === undefined) {
      const owner = this.#servers.find(({ serviceIdentities }) => serviceIdentities.has(aor.uri));
      if (owner !== undefined) return { server: owner, routes: [owner.route], servesUser: false };
    }
    if (position.originating || !known) return undefined;
    const from = position.done ?? 0;
    const index = this.#servers.findIndex((server, at) => at >= from && isTriggered(server, request));
    const server = this.#servers[index];
    if (server === undefined) return undefined;
    return { server, routes: [server.route, this.#returnRoute(index + 1, request.callId, cameOn)], servesUser: true };
  }

  /** Over the transport that the request came on: the one that is known to work. */
  #returnRoute(done: number, callId: string, { transport }: Flow): string {
    const text = String(done);
    const token = Buffer.concat([this.#mac(text, callId), Buffer.from(text, "latin1")]).toString("base64url");
    const param = transport === "UDP" ? "" : `;transport=${transport.toLowerCase()}`;
    return `<sip:${token}@${this.#endpoint.sentBy(transport)}${param};lr;${RETURN}>`;
  }

  #read(token: string, callId: string): number | undefined {
    const octets = Buffer.from(token, "base64url");
    const mac = octets.subarray(0, MAC_BYTES);
    const text = octets.toString("latin1", MAC_BYTES);
    const signed = mac.length === MAC_BYTES && timingSafeEqual(mac, this.#mac(text, callId));
    return signed ? Number(text) : undefined;
  }

  #mac(text: string, callId: string): Buffer {
    return createHmac("sha256", this.#key).update(`${text}\0${callId}`, "latin1").digest().subarray(0, MAC_BYTES);
  }
}

/** Service point triggers: method, and Event where packages are named. TS 23.218 §5.2.2. In a dialog its route decides. */
function isTriggered({ methods, eventPackages }: ServiceTarget, request: SipRequest): boolean {
  if (methods === undefined && eventPackages === undefined) return false;
  if (request.to.params.has("tag")) return false;
  if (methods !== undefined && !methods.has(request.method)) return false;
  return eventPackages === undefined || eventPackages.has(eventPackageOf(request) ?? "");
}

/** The event package that a request names; undefined for none, or one that cannot be read. */
export function eventPackageOf({ headers }: SipRequest): string | undefined {
  const event = headers.get("Event");
  if (event === undefined) return undefined;
  try {
    return parseTokenWithParams(event, "Event").value;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
