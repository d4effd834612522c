import { type Logger, silentLogger } from "../logger.ts";
import {
  isSound,
  reasonPhrases,
  rejectionOf,
  responseTo,
  type SipMessage,
  type SipParseError,
  SipRequest,
  type SipResponse,
  type Via,
} from "../message/index.ts";
import { nearest, sameAddress, sentByOfTransport } from "./sent-by.ts";
import {
  type Address,
  type Flow,
  type FlowUser,
  type ListenAddress,
  SipTransportError,
  type Target,
  type Transport,
  type TransportName,
  transports,
} from "./transport.ts";
import { hasReadableVia, markSource, responseTarget } from "./via-marks.ts";
import { type WireTrace, wireTraceOf } from "./wire-trace.ts";

/** How the layer opens one transport; a test passes that of its in-memory network. */
export type OpenTransport = (listen: ListenAddress, user: FlowUser) => Promise<Transport>;

/** Who stands above: the transaction layer. Messages are sound, and requests carry `received` and `rport`. */
export interface TransportUser {
  request(request: SipRequest, flow: Flow): void;
  response(response: SipResponse, flow: Flow): void;
  flowClosed(flow: Flow, error: SipTransportError | undefined): void;
}

/** Where the sender of a request can be reached by its sent-by: RFC 3263 §5. */
export type LocateSentBy = (via: Via) => AsyncIterable<Target>;

/**
 * All transports of one endpoint: rejects what is not sound, marks where requests came from, sends responses back there.
 * RFC 3261 §18, RFC 3581.
 */
export class TransportLayer implements FlowUser {
  readonly #open: OpenTransport;
  readonly #user: TransportUser;
  readonly #logger: Logger;
  readonly #wireTrace: WireTrace | undefined;
  readonly #locateSentBy: LocateSentBy | undefined;
  readonly #opened: Transport[] = [];
  readonly #sentBy = new Map<TransportName, Array<{ readonly local: Address; readonly sentBy: string }>>();
  #names: readonly TransportName[] = [];
  readonly stats = {
    requests: 0,
    responses: 0,
    malformed: 0,
    rejected: 0,
    unsoundResponses: 0,
    responsesLost: 0,
    /** Messages whose handling threw: a defect, here or above; the endpoint goes on. */
    handlerErrors: 0,
  };

  /** @param locateSentBy the last resort for a response whose connection is gone; without it, that is lost. */
  constructor(open: OpenTransport, user: TransportUser, logger: Logger = silentLogger, locateSentBy?: LocateSentBy) {
    this.#open = open;
    this.#user = user;
    this.#logger = logger;
    this.#wireTrace = wireTraceOf(logger);
    this.#locateSentBy = locateSentBy;
  }

  /** Opens one more transport and returns what it is bound to. @throws {SipTransportError} SIP_LISTEN_FAILED. */
  async listen(listen: ListenAddress): Promise<ListenAddress> {
    const transport = await this.#open(listen, this);
    this.#opened.push(transport);
    this.#names = [...new Set(this.#opened.map(({ name }) => name))];
    const same = this.#sentBy.get(transport.name) ?? [];
    same.push({ local: transport.local, sentBy: sentByOfTransport(transport) });
    this.#sentBy.set(transport.name, same);
    return { transport: transport.name, ...transport.local };
  }

  /** Names of the open transports, in the order they were opened. */
  get names(): readonly TransportName[] {
    return this.#names;
  }

  /** `host[:port]` for our Via and Contact on this flow; of the first listener when `local` is not said. RFC 3261 §18.1.1. */
  sentBy({ transport, local }: { readonly transport: TransportName; readonly local?: Address }): string {
    const all = this.#sentBy.get(transport);
    const first = all?.[0];
    if (all === undefined || first === undefined) return "localhost.invalid";
    return local === undefined || all.length === 1 ? first.sentBy : nearest(all, local).sentBy;
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
    const lost = (error: SipTransportError): void => this.#responseLost(error, request);
    if (transports[flow.transport].reliable) {
      if (!flow.open) void this.#onNewConnection(octets, request, flow);
      // One that is merely full is the only way there is.
      else flow.send(octets, (error) => (flow.open ? lost(error) : void this.#onNewConnection(octets, request, flow)));
      return;
    }
    const { via } = request;
    // RFC 3581 §4: back to the source port when asked for, unless maddr names another place.
    if (flow.open && via.params.has("rport") && !via.params.has("maddr")) {
      flow.send(octets, lost);
      return;
    }
    const target = responseTarget(via, flow);
    const other = this.#transportFor(target, flow.local)?.existingFlow(target);
    if (other !== undefined) other.send(octets, lost);
    else lost(new SipTransportError("SIP_NO_TRANSPORT", `no open ${target.transport} towards ${target.address}`));
  }

  message(message: SipMessage, flow: Flow): void {
    try {
      this.#wireTrace?.received(message, flow);
      this.#receive(message, flow);
    } catch (error) {
      this.stats.handlerErrors++;
      this.#logger.error({ err: error, remote: flow.remote, kind: message.kind }, "handling a message threw");
    }
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

  #receive(message: SipMessage, flow: Flow): void {
    if (message instanceof SipRequest) this.#receiveRequest(message, flow);
    else if (isSound(message)) {
      this.stats.responses++;
      this.#user.response(message, flow);
    } else this.stats.unsoundResponses++;
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

  /**
   * RFC 3261 §18.2.2 for a connection that is gone: a new one to where the request came from, at the port of sent-by, and
   * if that cannot be had, to where sent-by leads by RFC 3263 §5. Never rejects.
   */
  async #onNewConnection(octets: Uint8Array, request: SipRequest, flow: Flow): Promise<void> {
    const lost = (error: unknown): void => this.#responseLost(error, request);
    const { via } = request;
    // RFC 7118 §5.2: nobody can connect to a WebSocket client.
    if (via.host.endsWith(".invalid")) {
      lost(new SipTransportError("SIP_CONNECTION_CLOSED", `the connection is gone, and ${via.host} is no address`));
      return;
    }
    try {
      (await this.#firstFlow(via, responseTarget(via, flow))).send(octets, lost);
    } catch (error) {
      lost(error);
    }
  }

  async #firstFlow(via: Via, source: Target): Promise<Flow> {
    try {
      return await this.flowTo(source);
    } catch (error) {
      if (this.#locateSentBy === undefined || this.#opened.length === 0) throw error;
    }
    let cause: unknown;
    for await (const target of this.#locateSentBy(via)) {
      try {
        return await this.flowTo(target);
      } catch (error) {
        cause = error;
      }
    }
    throw new SipTransportError("SIP_CONNECT_FAILED", `nobody to reach for ${via.host}`, { cause });
  }

  /** What was rejected may lack any header field: no getter that throws is used here. */
  #responseLost(error: unknown, { method, headers }: SipRequest): void {
    this.stats.responsesLost++;
    this.#logger.warn({ err: error, method, callId: headers.get("Call-ID") }, "a response could not be sent");
  }

  /** Same transport; among several of it the one bound to `from`, else the first of the same address family. */
  #transportFor(target: Target, from?: Address): Transport | undefined {
    const ipv6 = target.address.includes(":");
    let family: Transport | undefined;
    let other: Transport | undefined;
    for (const transport of this.#opened) {
      if (transport.name !== target.transport) continue;
      other ??= transport;
      if (transport.local.address.includes(":") !== ipv6) continue;
      if (from === undefined || sameAddress(transport.local, from)) return transport;
      family ??= transport;
    }
    return family ?? other;
  }
}
