import { type Clock, systemClock } from "../clock.ts";
import { locate, type Resolver, sentByUri, systemResolver } from "../locate/index.ts";
import { type Logger, silentLogger } from "../logger.ts";
import type { SipRequest, Via } from "../message/index.ts";
import {
  type BaseTimers,
  type ClientTransaction,
  type ClientTransactionUser,
  type ServerTransaction,
  TransactionLayer,
} from "../transaction/index.ts";
import { openTransport } from "../transport/index.ts";
import type {
  Flow,
  ListenAddress,
  SipTransportError,
  Target,
  TransportName,
  TransportOptions,
} from "../transport/transport.ts";
import { type OpenTransport, TransportLayer } from "../transport/transport-layer.ts";

export interface SipEndpointOptions extends TransportOptions {
  /** Addresses to bind; several of different transports. A request can leave only on a transport that is here. */
  readonly listen: readonly ListenAddress[];
  /** Every new request, retransmissions absorbed. A throw is answered 500. */
  readonly onRequest: (transaction: ServerTransaction) => void;
  /** A connection ended: registrations and subscriptions that used it must find another. */
  readonly onFlowClosed?: (flow: Flow, error: SipTransportError | undefined) => void;
  readonly clock?: Clock;
  readonly timers?: BaseTimers;
  readonly logger?: Logger;
  /** Finds the way back for a response whose connection is gone (RFC 3263 §5). Default: the system's DNS. */
  readonly resolver?: Resolver;
  /** Requests that may wait for their answer at a time; more are answered 503. Default 200000. */
  readonly maxServerTransactions?: number;
  /** How transports are opened; tests pass `network.open` of a MemoryNetwork. */
  readonly open?: OpenTransport;
}

/** Places tried for one response whose connection is gone. */
const MAX_RETURN_TARGETS = 4;

/** Transports and transactions of one SIP element: what a user agent or a proxy stands on. */
export class SipEndpoint {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly #transport: TransportLayer;
  readonly #transactions: TransactionLayer;
  readonly #flowClosed = new Set<(flow: Flow, error: SipTransportError | undefined) => void>();
  /** By flow, so that the end of one connection is no work for those who use another. */
  readonly #watchers = new Map<Flow, Set<(error: SipTransportError | undefined) => void>>();
  #listening: ListenAddress[] = [];
  #closed: Promise<void> | undefined;

  private constructor(options: SipEndpointOptions) {
    this.clock = options.clock ?? systemClock;
    this.logger = options.logger ?? silentLogger;
    const { listen: _, open, resolver, ...settings } = options;
    const { clock, logger } = this;
    this.#transport = new TransportLayer(
      open ??
        ((listen, user) =>
          openTransport(listen, user, { ...settings, clock, logger, listen: listen.clientOnly !== true })),
      {
        request: (request, flow) => this.#transactions.receiveRequest(request, flow),
        response: (response) => this.#transactions.receiveResponse(response),
        flowClosed: (flow, error) => this.#onFlowClosed(flow, error),
      },
      this.logger,
      (via) => this.#locateSentBy(via, resolver),
    );
    this.#transactions = new TransactionLayer({ ...options, clock, transport: this.#transport });
    if (options.onFlowClosed !== undefined) this.#flowClosed.add(options.onFlowClosed);
  }

  /** Binds all addresses. @throws {SipTransportError} SIP_LISTEN_FAILED; what was bound before is closed again. */
  static async open(options: SipEndpointOptions): Promise<SipEndpoint> {
    const endpoint = new SipEndpoint(options);
    try {
      for (const listen of options.listen) endpoint.#listening.push(await endpoint.#transport.listen(listen));
    } catch (error) {
      await endpoint.close();
      throw error;
    }
    return endpoint;
  }

  /** Whether it was closed: nothing can be sent any more. */
  get closed(): boolean {
    return this.#closed !== undefined;
  }

  /** What it is bound to, with real ports, in the order of `listen`. */
  get listening(): readonly ListenAddress[] {
    return this.#listening;
  }

  /** Transports it can send on, in order of preference. */
  get transportNames(): readonly TransportName[] {
    return this.#transport.names;
  }

  /** `host[:port]` for a Contact, Record-Route or Path that leads here over `transport`. */
  sentBy(transport: TransportName): string {
    return this.#transport.sentBy({ transport });
  }

  /** The open flow to `target`, or undefined. */
  existingFlow(target: Target): Flow | undefined {
    return this.#transport.existingFlow(target);
  }

  /** A flow to `target`, connecting if need be. Rejects with {@link SipTransportError}. */
  flowTo(target: Target, signal?: AbortSignal): Promise<Flow> {
    return this.#transport.flowTo(target, signal);
  }

  /** Sends `request` in a new client transaction; its topmost Via is added here, so it must not be sent twice. */
  send(request: SipRequest, flow: Flow, user: ClientTransactionUser): ClientTransaction {
    return this.#transactions.send(request, flow, user);
  }

  /** Calls `listener` whenever a connection ends; returns how to stop that. */
  watchFlows(listener: (flow: Flow, error: SipTransportError | undefined) => void): () => void {
    this.#flowClosed.add(listener);
    return () => void this.#flowClosed.delete(listener);
  }

  /**
   * Calls `listener` once when this connection ends; returns how to stop that. Of a flow that is closed already nothing is heard,
   * and a UDP flow has no end.
   */
  watchFlow(flow: Flow, listener: (error: SipTransportError | undefined) => void): () => void {
    const watchers = this.#watchers.get(flow) ?? new Set();
    this.#watchers.set(flow, watchers);
    const entry = (error: SipTransportError | undefined): void => listener(error);
    watchers.add(entry);
    return () => {
      watchers.delete(entry);
      if (watchers.size === 0 && this.#watchers.get(flow) === watchers) this.#watchers.delete(flow);
    };
  }

  get stats(): TransportLayer["stats"] & TransactionLayer["stats"] & TransactionLayer["active"] {
    return { ...this.#transport.stats, ...this.#transactions.stats, ...this.#transactions.active };
  }

  /** Ends transactions, closes sockets. Idempotent; nothing stays open. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#transactions.close();
    await this.#transport.close();
    this.#listening = [];
  }

  #onFlowClosed(flow: Flow, error: SipTransportError | undefined): void {
    this.#transactions.flowClosed(flow, error);
    const watchers = this.#watchers.get(flow) ?? [];
    this.#watchers.delete(flow);
    for (const watcher of watchers) this.#tell(() => watcher(error), flow);
    for (const listener of this.#flowClosed) this.#tell(() => listener(flow, error), flow);
  }

  #tell(call: () => void, { remote }: Flow): void {
    try {
      call();
    } catch (thrown) {
      this.logger.error({ err: thrown, remote }, "a listener for the end of connections threw");
    }
  }

  #locateSentBy(via: Via, resolver: Resolver = systemResolver()): AsyncIterable<Target> {
    return locate(sentByUri(via), { resolver, supported: this.transportNames, maxTargets: MAX_RETURN_TARGETS });
  }
}
