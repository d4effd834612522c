import { BriefMap } from "../brief-map.ts";
import type { Clock } from "../clock.ts";
import { type Logger, silentLogger } from "../logger.ts";
import { newBranch, responseTo, type SipRequest, type SipResponse, sentByOf } from "../message/index.ts";
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
  /** Requests that may wait for their answer at a time; more are answered 503 (RFC 3261 §21.5.4). Default 200000. */
  readonly maxServerTransactions?: number;
}

/** What a 503 for too many requests asks for. */
const RETRY_AFTER_SECONDS = "5";

/** Matches messages to transactions and makes new ones. RFC 3261 §17.1.3, §17.2.3. */
export class TransactionLayer {
  readonly #transport: TransportLayer;
  readonly #onRequest: (transaction: ServerTransaction) => void;
  readonly #logger: Logger;
  readonly #wheel: TimerWheel;
  readonly #completed: CompletedResponses;
  readonly #absorbing: CompletedBranches;
  readonly #timers: { readonly reliable: NonInviteTimers; readonly unreliable: NonInviteTimers };
  readonly #maxServers: number;
  readonly #clients = new BriefMap<string, ClientTransaction>();
  /** Those on connections, so that the end of one connection does not cost a walk over all transactions. */
  readonly #byConnection = new Map<Flow, BriefMap<string, ClientTransaction>>();
  readonly #servers = new BriefMap<string, ServerTransaction>();
  readonly #clientHost: ClientTransactionHost;
  readonly #serverHost: ServerTransactionHost;
  /** What came and went, for metrics and tests. */
  readonly stats = { retransmissionsAbsorbed: 0, responsesAbsorbed: 0, strayResponses: 0, abandoned: 0, overloaded: 0 };
  #closed = false;

  constructor(options: TransactionLayerOptions) {
    const timers = options.timers ?? defaultTimers;
    this.#transport = options.transport;
    this.#onRequest = options.onRequest;
    this.#logger = options.logger ?? silentLogger;
    this.#wheel = new TimerWheel(options.clock);
    this.#timers = { reliable: nonInviteTimers(true, timers), unreliable: nonInviteTimers(false, timers) };
    this.#completed = new CompletedResponses(options.clock, this.#timers.unreliable.jMs);
    this.#absorbing = new CompletedBranches(options.clock, this.#timers.unreliable.kMs);
    this.#maxServers = options.maxServerTransactions ?? 200_000;
    this.#clientHost = {
      wheel: this.#wheel,
      completed: ({ branch }) => {
        this.#clients.delete(branch);
        this.#absorbing.add(branch);
      },
      ended: (transaction) => {
        this.#clients.delete(transaction.branch);
        if (this.#byConnection.size > 0) this.#byConnection.get(transaction.flow)?.delete(transaction.branch);
      },
      userThrew: (error, { method }) => this.#logger.error({ err: error, method }, "the user of a transaction threw"),
    };
    this.#serverHost = {
      wheel: this.#wheel,
      sendResponse: (octets, transaction) =>
        this.#transport.sendResponse(octets, transaction.request, transaction.flow),
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
   * @param user hears of responses and failure, never before this returns; of SIP_CLOSED when the layer is closed.
   * @throws {SipParseError} when `request` cannot be encoded: a method or Request-URI that is none.
   */
  send(request: SipRequest, flow: Flow, user: ClientTransactionUser): ClientTransaction {
    const branch = newBranch();
    const sentBy = this.#transport.sentBy(flow);
    request.headers.prepend("Via", `SIP/2.0/${flow.transport} ${sentBy};branch=${branch};rport`);
    const { reliable } = transports[flow.transport];
    const timers = reliable ? this.#timers.reliable : this.#timers.unreliable;
    const transaction = new ClientTransaction(this.#clientHost, timers, request, { branch, sentBy }, flow, user);
    if (this.#closed) {
      queueMicrotask(() => transaction.abandon(closedError()));
      return transaction;
    }
    this.#clients.set(branch, transaction);
    // A connection that is about to end says so on `send`, and its end may have been told already.
    if (reliable && flow.open) this.#onConnection(flow).set(branch, transaction);
    transaction.start(reliable);
    return transaction;
  }

  /** A sound request from the transport layer. */
  receiveRequest(request: SipRequest, flow: Flow): void {
    // There is no INVITE transaction that an ACK could belong to, and an answer to one would bring the next (§17.1.1.3).
    if (this.#closed || request.method === "ACK") return;
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
    if (this.#servers.size >= this.#maxServers) {
      this.stats.overloaded++;
      const refusal = responseTo(request, 503, { headers: [["Retry-After", RETRY_AFTER_SECONDS]] });
      this.#transport.sendResponse(refusal.encode(), request, flow);
      return;
    }
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
    if (
      transaction === undefined ||
      transaction.method !== response.cseq.method ||
      transaction.sentBy !== sentByOf(via)
    ) {
      this.stats.strayResponses++;
      this.#logger.debug({ branch, statusCode: response.statusCode }, "response without a transaction");
      return;
    }
    transaction.receive(response);
  }

  /** A connection ended: requests that wait on it fail now instead of at Timer F. RFC 3261 §17.1.4. */
  flowClosed(flow: Flow, error: SipTransportError | undefined): void {
    if (!transports[flow.transport].reliable) return;
    const waiting = this.#byConnection.get(flow);
    if (waiting === undefined) return;
    this.#byConnection.delete(flow);
    const cause = error ?? new SipTransportError("SIP_CONNECTION_CLOSED", "the connection closed before the response");
    for (const transaction of waiting.values()) transaction.transportError(cause);
  }

  /** Ends all transactions; waiting users hear SIP_CLOSED, and so do those that come later. Idempotent. */
  close(): void {
    this.#closed = true;
    const error = closedError();
    for (const transaction of [...this.#clients.values()]) transaction.abandon(error);
    this.#clients.clear();
    this.#byConnection.clear();
    this.#servers.clear();
    this.#completed.clear();
    this.#wheel.close();
  }

  #onConnection(flow: Flow): BriefMap<string, ClientTransaction> {
    const known = this.#byConnection.get(flow);
    if (known !== undefined) return known;
    const waiting = new BriefMap<string, ClientTransaction>();
    this.#byConnection.set(flow, waiting);
    return waiting;
  }
}

function closedError(): SipTransactionError {
  return new SipTransactionError("SIP_CLOSED", "the endpoint was closed");
}
