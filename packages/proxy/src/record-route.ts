import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import {
  type Flow,
  hostInUri,
  type ListenAddress,
  type SipEndpoint,
  type SipUri,
  type Target,
  type TransportName,
  transports,
} from "@sip-push/sip";

/** Methods whose requests make dialogs, or may be the first to reach one side of it. RFC 3261 §16.6 (4), RFC 6665 §4.3. */
const DIALOG_FORMING: ReadonlySet<string> = new Set(["INVITE", "SUBSCRIBE", "REFER", "NOTIFY"]);

export function formsDialog(method: string): boolean {
  return DIALOG_FORMING.has(method);
}

/** One side of the proxy: where requests leave or came in. */
export interface RouteSide {
  readonly transport: TransportName;
  /** Told apart by address family only. */
  readonly ipv6: boolean;
  /** The flow that later requests to this side must take: a connection, or a path that only the peer could open. */
  readonly flow: Flow | undefined;
}

/** What a Route that we once wrote as a Record-Route says. */
export interface OwnRoute {
  /** Ours, and of this Call-ID: the request belongs to a dialog that was made through here. */
  readonly signed: boolean;
  /** The flow to take, as a target; undefined when the Request-URI says enough. */
  readonly target: Target | undefined;
  /** From a Path of ours: it leads to that flow and nowhere else, for requests of any Call-ID. */
  readonly path: boolean;
}

const MAC_BYTES = 10;
/** Stands for the Call-ID in a Path; no Call-ID can be that. */
const PATH = "\0path";

/**
 * Record-Route values, and what they tell when they come back as Route. The user part holds the flow (RFC 5626 §5.2, §5.3)
 * and a MAC over it and the Call-ID: a request in a dialog that went through here may be passed on, whatever its
 * Request-URI says, and no other one can pretend to be that.
 */
export class RecordRoutes {
  readonly #endpoint: SipEndpoint;
  readonly #key: Buffer = randomBytes(32);

  constructor(endpoint: SipEndpoint) {
    this.#endpoint = endpoint;
  }

  /**
   * Values to put in front, topmost first: one that does for both sides, or one for each when they differ in transport,
   * address family or flow (RFC 5658 §5). `incoming` is where the request came from, `outgoing` where it goes.
   */
  values(callId: string, secure: boolean, incoming: RouteSide, outgoing: RouteSide): string[] {
    const same = incoming.transport === outgoing.transport && incoming.ipv6 === outgoing.ipv6;
    const sides =
      same && incoming.flow === undefined && outgoing.flow === undefined ? [outgoing] : [outgoing, incoming];
    return sides.map((side) => `<${this.#uri(callId, secure, side)}>`);
  }

  /** Value for Path: we are the first hop of a user agent that is on `flow`. RFC 3327 §5.2, RFC 5626 §5.1. */
  path(secure: boolean, flow: Flow): string {
    return `<${this.#uri(PATH, secure, { transport: flow.transport, ipv6: flow.local.address.includes(":"), flow })};ob>`;
  }

  /** Reads a Route URI that leads here. */
  read(uri: SipUri, callId: string): OwnRoute {
    const octets = Buffer.from(uri.user ?? "", "base64url");
    const mac = octets.subarray(0, MAC_BYTES);
    const payload = octets.toString("latin1", MAC_BYTES);
    const isOf = (id: string): boolean => mac.length === MAC_BYTES && timingSafeEqual(mac, this.#mac(payload, id));
    const path = isOf(PATH);
    const signed = path || isOf(callId);
    return { signed, path, target: signed ? parseTarget(payload) : undefined };
  }

  #uri(callId: string, secure: boolean, { transport, ipv6, flow }: RouteSide): string {
    const payload = flow === undefined ? "" : [flow.transport, flow.remote.port, flow.remote.address].join(" ");
    const token = Buffer.concat([this.#mac(payload, callId), Buffer.from(payload, "latin1")]).toString("base64url");
    const scheme = secure ? "sips" : "sip";
    return `${scheme}:${token}@${this.#hostPort(transport, ipv6)}${transportParam(transport, secure)};lr`;
  }

  #mac(payload: string, callId: string): Buffer {
    return createHmac("sha256", this.#key).update(`${payload}\0${callId}`, "latin1").digest().subarray(0, MAC_BYTES);
  }

  /** The listening address of that transport and family; the endpoint knows what stands for 0.0.0.0. */
  #hostPort(transport: TransportName, ipv6: boolean): string {
    const isSide = (listen: ListenAddress): boolean =>
      listen.transport === transport && listen.address.includes(":") === ipv6;
    const listen = this.#endpoint.listening.find(isSide);
    if (listen === undefined || listen.address === "0.0.0.0" || listen.address === "::")
      return this.#endpoint.sentBy(transport);
    return `${hostInUri(listen.address)}:${listen.port}`;
  }
}

/** RFC 3261 §16.6 (4) wants no transport where UDP is meant; `sips` already says TLS. RFC 7118 §5.2 for WebSocket. */
function transportParam(transport: TransportName, secure: boolean): string {
  if (transport === "UDP" || (secure && transport === "TLS")) return "";
  return `;transport=${secure && transport === "WSS" ? "ws" : transport.toLowerCase()}`;
}

function parseTarget(payload: string): Target | undefined {
  const [transport = "", port = "", address = ""] = payload.split(" ");
  if (!Object.hasOwn(transports, transport)) return undefined;
  return { transport: transport as TransportName, port: Number(port), address };
}
