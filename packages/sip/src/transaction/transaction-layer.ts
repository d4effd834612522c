import type { Clock } from "../clock.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { newBranch, type SipRequest, type SipResponse, sentByOf } from "../message/index.ts";
import { type Flow, SipTransportError, transports } from "../transport/transport.ts";
import type { TransportLayer } from "../transport/transport-layer.ts";
import { ClientTransaction, type ClientTransactionHost, type ClientTransactionUser } from "./client-transaction.ts";
import { CompletedBranches } from "./completed-branches.ts";
import { CompletedResponses } from "./completed-responses.ts";
import { SipTransactionError } from "./errors.ts";
import { serverKey } from "./key.ts";
import { ServerTransaction, type ServerTransactionHost } from "./server-transaction.ts";
import { TimerWheel } from "./timer-wheel.ts";
import { type BaseTimers, defaultTimers, type NonInviteTimers, nonInviteTimers } from "./timers.ts";

export interface TransactionLayerOptions {
  readonly clock: Clock;
  readonly transport: TransportLayer;
  /** A new request, retransmissions already absorbed. A throw is answered 500. */
  readonly onRequest: (transaction: ServerTransaction) => void;
  readonly timers?: BaseTimers;
  readonly logger?: Logger;
}

/** Matches messages to transactions and makes new ones. RFC 3261 §17.1.3, §17.2.3. */
export class TransactionLayer {
  readonly #transport: TransportLayer;
  readonly #onRequest: (transaction: ServerTransaction) => void;
  readonly #logger: Logger;
  readonly #wheel: TimerWheel;
  readonly #completed: CompletedResponses;
  readonly #absorbing: CompletedBranches;
  readonly #timers: { readonly reliable: NonInviteTimers; readonly unreliable: NonInviteTimers };
  readonly #clients = new Map<string, ClientTransaction>();
  readonly #servers = new Map<string, ServerTransaction>();
  readonly #clientHost: ClientTransactionHost;
  readonly #serverHost: ServerTransactionHost;
  /** What came and went, for metrics and tests. */
  readonly stats = { retransmissionsAbsorbed: 0, responsesAbsorbed: 0, strayResponses: 0, abandoned: 0 };

  constructor(options: TransactionLayerOptions) {
    const timers = options.timers ?? defaultTimers;
    this.#transport = options.transport;
    this.#onRequest = options.onRequest;
    this.#logger = options.logger ?? silentLogger;
    this.#wheel = new TimerWheel(options.clock);
    this.#timers = { reliable: nonInviteTimers(true, timers), unreliable: nonInviteTimers(false, timers) };
    this.#completed = new CompletedResponses(options.clock, this.#timers.unreliable.jMs);
    this.#absorbing = new CompletedBranches(options.clock, this.#timers.unreliable.kMs);
    this.#clientHost = {
      wheel: this.#wheel,
      completed: ({ branch }) => {
        this.#clients.delete(branch);
        this.#absorbing.add(branch);
      },
      ended: ({ branch }) => void this.#clients.delete(branch),
    };
    this.#serverHost = {
      wheel: this.#wheel,
      sendResponse: (octets, transaction) => this.#transport.sendResponse(octets, transaction.request, transaction.flow),
      completed: (transaction, octets) => {
        this.#servers.delete(transaction.key);
        if (!transports[transaction.flow.transport].reliable) this.#completed.put(transaction.key, octets);
      },
      abandoned: (transaction) => {
        this.stats.abandoned++;
        this.#servers.delete(transaction.key);
      },
    };
  }

  /** Transactions that wait for an answer; what is kept for Timers J and K does not count. */
  get active(): { readonly clients: number; readonly servers: number } {
    return { clients: this.#clients.size, servers: this.#servers.size };
  }

  /**
   * Sends `request` on `flow` in a new transaction. The topmost Via is added here; `request` must not be used again.
   *
   * @param user hears of responses and failure, never before this returns.
   */
  send(request: SipRequest, flow: Flow, user: ClientTransactionUser): ClientTransaction {
    const branch = newBranch();
    const sentBy = this.#transport.sentBy(flow);
    request.headers.prepend("Via", `SIP/2.0/${flow.transport} ${sentBy};branch=${branch};rport`);
    const { reliable } = transports[flow.transport];
    const timers = reliable ? this.#timers.reliable : this.#timers.unreliable;
    const transaction = new ClientTransaction(this.#clientHost, timers, request, { branch, sentBy }, flow, user);
    this.#clients.set(branch, transaction);
    transaction.start(reliable);
    return transaction;
  }

  /** A sound request from the transport layer. */
  receiveRequest(request: SipRequest, flow: Flow): void {
    const key = serverKey(request);
    const running = this.#servers.get(key);
    if (running !== undefined) {
      this.stats.retransmissionsAbsorbed++;
      running.retransmission();
      return;
    }
    const { reliable } = transports[flow.transport];
    const answered = reliable ? undefined : this.#completed.get(key);
    if (answered !== undefined) {
      this.stats.retransmissionsAbsorbed++;
      this.#transport.sendResponse(answered, request, flow);
      return;
    }
    if (request.method === "ACK") return; // No INVITE transaction it could belong to.
    const timers = reliable ? this.#timers.reliable : this.#timers.unreliable;
    const transaction = new ServerTransaction(this.#serverHost, timers, key, request, flow);
    this.#servers.set(key, transaction);
    try {
      this.#onRequest(transaction);
    } catch (error) {
      this.#logger.error({ err: error, method: request.method, callId: request.callId }, "request handler threw");
      transaction.reply(500);
    }
    transaction.waitForUser();
  }

  /** A sound response from the transport layer. One that matches nothing is dropped: RFC 6026 §7.3, RFC 3261 §18.1.2. */
  receiveResponse(response: SipResponse): void {
    const via = response.via;
    const branch = via.params.get("branch");
    const transaction = branch == null ? undefined : this.#clients.get(branch);
    if (transaction === undefined && branch != null && this.#absorbing.has(branch)) {
      this.stats.responsesAbsorbed++;
      return;
    }
    if (transaction === undefined || transaction.method !== response.cseq.method || transaction.sentBy !== sentByOf(via)) {
      this.stats.strayResponses++;
      this.#logger.debug({ branch, statusCode: response.statusCode }, "response without a transaction");
      return;
    }
    transaction.receive(response);
  }

  /** A connection ended: requests that wait on it fail now instead of at Timer F. RFC 3261 §17.1.4. */
  flowClosed(flow: Flow, error: SipTransportError | undefined): void {
    if (!transports[flow.transport].reliable) return;
    const cause = error ?? new SipTransportError("SIP_CONNECTION_CLOSED", "the connection closed before the response");
    for (const transaction of [...this.#clients.values()]) {
      if (transaction.flow === flow) transaction.transportError(cause);
    }
  }

  /** Ends all transactions; waiting users hear SIP_CLOSED. */
  close(): void {
    const error = new SipTransactionError("SIP_CLOSED", "the endpoint was closed");
    for (const transaction of [...this.#clients.values()]) transaction.abandon(error);
    this.#clients.clear();
    this.#servers.clear();
    this.#completed.clear();
    this.#wheel.close();
  }
}
