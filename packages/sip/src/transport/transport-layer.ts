import { randomUUID } from "node:crypto";
import { networkInterfaces } from "node:os";
import { type Logger, silentLogger } from "../logger.ts";
import {
  bareHost,
  hostInUri,
  isNumericHost,
  isSound,
  paramValue,
  reasonPhrases,
  rejectionOf,
  responseTo,
  type SipMessage,
  type SipParseError,
  SipRequest,
  type SipResponse,
  serializeVia,
  type Via,
} from "../message/index.ts";
import {
  type Flow,
  type FlowUser,
  type ListenAddress,
  SipTransportError,
  type Target,
  type Transport,
  type TransportName,
  transports,
} from "./transport.ts";

/** How the layer opens one transport; a test passes that of its in-memory network. */
export type OpenTransport = (listen: ListenAddress, user: FlowUser) => Promise<Transport>;

/** Who stands above: the transaction layer. Messages are sound, and requests carry `received` and `rport`. */
export interface TransportUser {
  request(request: SipRequest, flow: Flow): void;
  response(response: SipResponse, flow: Flow): void;
  flowClosed(flow: Flow, error: SipTransportError | undefined): void;
}

/**
 * All transports of one endpoint: rejects what is not sound, marks where requests came from, sends responses back there.
 * RFC 3261 §18, RFC 3581.
 */
export class TransportLayer implements FlowUser {
  readonly #open: OpenTransport;
  readonly #user: TransportUser;
  readonly #logger: Logger;
  readonly #opened: Transport[] = [];
  readonly #sentBy = new Map<TransportName, string>();
  #names: readonly TransportName[] = [];
  readonly stats = { requests: 0, responses: 0, malformed: 0, rejected: 0, unsoundResponses: 0, responsesLost: 0 };

  constructor(open: OpenTransport, user: TransportUser, logger: Logger = silentLogger) {
    this.#open = open;
    this.#user = user;
    this.#logger = logger;
  }

  /** Opens one more transport and returns what it is bound to. @throws {SipTransportError} SIP_LISTEN_FAILED. */
  async listen(listen: ListenAddress): Promise<ListenAddress> {
    const transport = await this.#open(listen, this);
    this.#opened.push(transport);
    this.#names = [...new Set(this.#opened.map(({ name }) => name))];
    if (!this.#sentBy.has(transport.name)) this.#sentBy.set(transport.name, sentByOfTransport(transport));
    return { transport: transport.name, ...transport.local };
  }

  /** Names of the open transports, in the order they were opened. */
  get names(): readonly TransportName[] {
    return this.#names;
  }

  /** `host[:port]` for our Via and Contact on this flow. RFC 3261 §18.1.1. */
  sentBy(flow: { readonly transport: TransportName }): string {
    return this.#sentBy.get(flow.transport) ?? "localhost.invalid";
  }

  /** The flow to `target` if it is open already: no promise on the hot path. */
  existingFlow(target: Target): Flow | undefined {
    return this.#transportFor(target)?.existingFlow(target);
  }

  /** A flow to `target`, connecting if need be. Rejects with {@link SipTransportError}. */
  async flowTo(target: Target, signal?: AbortSignal): Promise<Flow> {
    const transport = this.#transportFor(target);
    if (transport === undefined) {
      throw new SipTransportError(
        "SIP_NO_TRANSPORT",
        `no open ${target.transport} transport towards ${target.address}`,
      );
    }
    return transport.existingFlow(target) ?? transport.flowTo(target, signal);
  }

  /** Sends a response the way RFC 3261 §18.2.2 and RFC 3581 §4 say. Never throws; a lost one is counted. */
  sendResponse(octets: Uint8Array, request: SipRequest, flow: Flow): void {
    if (flow.open && (transports[flow.transport].reliable || request.via.params.has("rport"))) {
      flow.send(octets, (error) => this.#responseLost(error, request));
      return;
    }
    const target = responseTarget(request.via, flow);
    const existing = this.existingFlow(target);
    if (existing !== undefined) {
      existing.send(octets, (error) => this.#responseLost(error, request));
      return;
    }
    this.flowTo(target).then(
      (other) => other.send(octets, (error) => this.#responseLost(error, request)),
      (error: unknown) => this.#responseLost(error, request),
    );
  }

  message(message: SipMessage, flow: Flow): void {
    if (message instanceof SipRequest) this.#receiveRequest(message, flow);
    else if (isSound(message)) {
      this.stats.responses++;
      this.#user.response(message, flow);
    } else this.stats.unsoundResponses++;
  }

  malformed(error: SipParseError, flow: Flow): void {
    this.stats.malformed++;
    this.#logger.debug({ remote: flow.remote, problem: error.message }, "dropped what is no SIP message");
  }

  closed(flow: Flow, error: SipTransportError | undefined): void {
    this.#logger.debug(
      { remote: flow.remote, transport: flow.transport, problem: error?.message },
      "connection closed",
    );
    this.#user.flowClosed(flow, error);
  }

  /** Closes all transports. Idempotent. */
  async close(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((transport) => transport.close()));
  }

  #receiveRequest(request: SipRequest, flow: Flow): void {
    const rejection = rejectionOf(request);
    if (rejection === undefined) {
      this.stats.requests++;
      markSource(request, flow);
      this.#user.request(request, flow);
      return;
    }
    this.stats.rejected++;
    this.#logger.debug({ remote: flow.remote, ...rejection }, "rejected a malformed request");
    if (request.method !== "ACK") this.#reject(request, flow, rejection);
  }

  /** A stateless answer. One whose Via cannot be read goes back where the request came from. */
  #reject(request: SipRequest, flow: Flow, { statusCode, problem }: { statusCode: number; problem: string }): void {
    const readable = hasReadableVia(request);
    if (readable) markSource(request, flow);
    const reason = `${reasonPhrases[statusCode] ?? "Bad Request"} (${problem.replace(/[^\x20-\x7e]/g, "?")})`;
    const octets = responseTo(request, statusCode, { reason }).encode();
    if (readable) this.sendResponse(octets, request, flow);
    else flow.send(octets, (error) => this.#responseLost(error, request));
  }

  #responseLost(error: unknown, { method, headers }: SipRequest): void {
    this.stats.responsesLost++;
    this.#logger.warn({ err: error, method, callId: headers.get("Call-ID") }, "a response could not be sent");
  }

  /** Same transport; among several of it the one of the same address family. */
  #transportFor(target: Target): Transport | undefined {
    const ipv6 = target.address.includes(":");
    let other: Transport | undefined;
    for (const transport of this.#opened) {
      if (transport.name !== target.transport) continue;
      if (transport.local.address.includes(":") === ipv6) return transport;
      other ??= transport;
    }
    return other;
  }
}

function hasReadableVia(request: SipRequest): boolean {
  try {
    return request.via !== undefined;
  } catch {
    return false;
  }
}

/** `received` when the sent-by is not where it came from, `received` and `rport` when asked. RFC 3261 §18.2.1, RFC 3581 §4. */
function markSource(request: SipRequest, flow: Flow): void {
  const via = request.via;
  const { address, port } = flow.remote;
  const wantsPort = via.params.has("rport");
  if (!wantsPort && bareHost(via.host) === address) return;
  const params = new Map(via.params).set("received", address);
  if (wantsPort) params.set("rport", String(port));
  request.headers.replaceFirst("Via", serializeVia({ ...via, params }));
}

/** Where a response goes when not back on its flow: maddr, else received, at rport or the sent-by port. */
function responseTarget(via: Via, flow: Flow): Target {
  const { transport } = flow;
  const port = via.port ?? transports[transport].defaultPort;
  const maddr = via.params.get("maddr");
  if (!transports[transport].reliable && maddr != null && isNumericHost(maddr)) {
    return { transport, address: bareHost(maddr), port };
  }
  const rport = transports[transport].reliable ? undefined : Number(paramValue(via.params, "rport") || Number.NaN);
  return { transport, address: flow.remote.address, port: rport === undefined || Number.isNaN(rport) ? port : rport };
}

function sentByOfTransport(transport: Transport): string {
  const { address, port } = transport.local;
  // RFC 7118 §5.2: a WebSocket client has no address that others could reach.
  if (port === 0) return `${randomUUID().slice(0, 13)}.invalid`;
  const host = address === "0.0.0.0" || address === "::" ? reachableAddress(address) : address;
  return `${hostInUri(host)}:${port}`;
}

/** Bound to all addresses: the first that others can reach, or the loopback one. `rport` mends the rest. */
function reachableAddress(any: string): string {
  const family = any === "::" ? "IPv6" : "IPv4";
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find((entry) => entry.family === family && !entry.internal && !entry.address.startsWith("fe80"));
  return found?.address ?? (any === "::" ? "::1" : "127.0.0.1");
}
