import { onAbort } from "../abort.ts";
import type { DigestClient } from "../auth/index.ts";
import { locate, locateNow, type Resolver, SipLocateError, systemResolver, TargetHealth } from "../locate/index.ts";
import {
  parseNameAddr,
  parseRetryAfter,
  SipParseError,
  type SipRequest,
  type SipResponse,
  type SipUri,
} from "../message/index.ts";
import { type ClientTransaction, SipTransactionError } from "../transaction/index.ts";
import type { Flow, Target } from "../transport/transport.ts";
import type { SipEndpoint } from "./endpoint.ts";
import { DestinationWindow, type WindowLimits } from "./window.ts";

export interface RequestSenderOptions {
  readonly endpoint: SipEndpoint;
  readonly resolver?: Resolver;
  readonly window?: WindowLimits;
  /**
   * Path MTU in octets, when it is known: requests within 200 of it leave on TCP instead of UDP. Without it those above
   * 1300 octets do. RFC 3261 §18.1.1.
   */
  readonly pathMtuBytes?: number;
  /** Targets tried for one request. Default 8. */
  readonly maxTargets?: number;
  /** For SRV weights. */
  readonly random?: () => number;
}

export interface SendOptions {
  /** Where to send instead of to the topmost Route or the Request-URI: an outbound proxy without a Route header. */
  readonly nextHop?: SipUri;
  /** Send on this flow only: a registered connection (RFC 5626). */
  readonly flow?: Flow;
  /** Answers 401 and 407. */
  readonly credentials?: DigestClient;
  /** Stops waiting; the outcome is SIP_ABORTED. */
  readonly signal?: AbortSignal;
}

export type SendFailureCode =
  | "SIP_TIMEOUT"
  | "SIP_TRANSPORT"
  | "SIP_ABORTED"
  | "SIP_CLOSED"
  | "SIP_UNRESOLVED"
  | "SIP_OVERLOADED";

/** How a request ended: a final response, or the reason why there is none. A refusal is a response, not a failure. */
export type SendOutcome =
  | {
      readonly kind: "response";
      readonly response: SipResponse;
      readonly flow: Flow;
      /** Requests that left, challenges and failed targets included; retransmissions not. */
      readonly attempts: number;
    }
  | {
      readonly kind: "failure";
      readonly code: SendFailureCode;
      readonly reason: string;
      readonly retryable: boolean;
      readonly attempts: number;
    };

/** How long a target that failed without saying is tried last. RFC 3263 §4.3 leaves the time to us. */
const AVOID_MS = 30_000;

/**
 * The sending half of a UAC: finds the next hop, fails over to the next on 503, timeout and transport failure (RFC 3263
 * §4.3), switches large requests from UDP to TCP and back (RFC 3261 §18.1.1), answers challenges once (§22), and keeps
 * to a window per destination.
 */
export class RequestSender {
  readonly #endpoint: SipEndpoint;
  readonly #resolver: Resolver;
  readonly #window: DestinationWindow<Flow>;
  readonly #health: TargetHealth;
  readonly #udpMaxBytes: number;
  readonly #maxTargets: number;
  readonly #random: () => number;

  constructor(options: RequestSenderOptions) {
    this.#endpoint = options.endpoint;
    this.#resolver = options.resolver ?? systemResolver();
    this.#window = new DestinationWindow(options.window);
    this.#health = new TargetHealth({ clock: options.endpoint.clock });
    this.#udpMaxBytes = options.pathMtuBytes === undefined ? 1300 : options.pathMtuBytes - 200;
    this.#maxTargets = options.maxTargets ?? 8;
    this.#random = options.random ?? Math.random;
  }

  /** Requests refused because a destination's window and queue were full. */
  get refused(): number {
    return this.#window.refused;
  }

  /**
   * Sends and waits for the outcome. The request belongs to the sender from here on. Never throws, never rejects: a
   * request that cannot be encoded is SIP_UNRESOLVED, not retryable.
   */
  send(request: SipRequest, options: SendOptions = {}): Promise<SendOutcome> {
    const run: Run = { attempts: 0, sent: undefined };
    const { credentials } = options;
    try {
      return credentials === undefined
        ? this.#toTargets(request, options, run)
        : this.#withCredentials(credentials, request, options, run);
    } catch (error) {
      return Promise.resolve(unsendable(error, run));
    }
  }

  async #withCredentials(
    credentials: DigestClient,
    request: SipRequest,
    options: SendOptions,
    run: Run,
  ): Promise<SendOutcome> {
    try {
      let current = credentials.preauthorize(request);
      // DigestClient ends this: it answers each challenger once, and once more when a nonce was stale.
      for (;;) {
        const outcome = await this.#toTargets(current, options, run);
        if (outcome.kind !== "response") return outcome;
        const { statusCode } = outcome.response;
        if (statusCode !== 401 && statusCode !== 407) {
          credentials.accepted(current, outcome.response);
          return outcome;
        }
        const authorized = credentials.authorize(current, outcome.response);
        if (authorized === undefined) return outcome;
        current = authorized;
      }
    } catch (error) {
      return unsendable(error, run);
    }
  }

  /** From here to {@link #transact} the usual case, an open flow to a known address, costs one promise in all. */
  #toTargets(request: SipRequest, options: SendOptions, run: Run): Promise<SendOutcome> {
    if (options.flow !== undefined) return this.#onFlow(request, options.flow, undefined, options, run);
    const hop = options.nextHop ?? nextHopOf(request);
    if (hop === undefined) {
      const problem = `${request.requestUri} is no SIP URI, and there is no Route`;
      return Promise.resolve(failure("SIP_UNRESOLVED", problem, false, run));
    }
    const only = locateNow(hop, this.#endpoint.transportNames);
    return only === undefined
      ? this.#toLocated(request, hop, options, run)
      : this.#toTarget(request, only, options, run);
  }

  async #toLocated(request: SipRequest, hop: SipUri, options: SendOptions, run: Run): Promise<SendOutcome> {
    const supported = this.#endpoint.transportNames;
    const { signal } = options;
    const found = locate(hop, { resolver: this.#resolver, supported, random: this.#random, ...(signal && { signal }) });
    let last: SendOutcome | undefined;
    let tried = 0;
    try {
      for await (const target of this.#health.order(found)) {
        if (signal?.aborted) return aborted(run);
        last = await this.#toTarget(request, target, options, run);
        if (!this.#failsOver(last, target) || ++tried === this.#maxTargets) return last;
      }
    } catch (error) {
      if (signal?.aborted) return aborted(run);
      return last ?? (error instanceof SipLocateError ? unresolved(error, run) : unsendable(error, run));
    }
    return last ?? failure("SIP_UNRESOLVED", `no address for ${hop.host}`, false, run);
  }

  /** True when the next target should be tried; remembers why. */
  #failsOver(outcome: SendOutcome, target: Target): boolean {
    if (outcome.kind === "response" && outcome.response.statusCode !== 503) {
      this.#health.recovered(target);
      return false;
    }
    if (outcome.kind === "failure") {
      if (outcome.code !== "SIP_TIMEOUT" && outcome.code !== "SIP_TRANSPORT") return false;
      this.#health.failed(target, AVOID_MS);
      return true;
    }
    const retryAfter = parseRetryAfter(outcome.response.headers.get("Retry-After"));
    this.#health.failed(target, retryAfter === undefined ? AVOID_MS : retryAfter * 1000);
    return true;
  }

  #toTarget(request: SipRequest, target: Target, options: SendOptions, run: Run): Promise<SendOutcome> {
    const stream = this.#streamInstead(request, target);
    if (stream !== undefined) return this.#toStream(request, stream, target, options, run);
    const flow = this.#endpoint.existingFlow(target);
    return flow === undefined
      ? this.#toNewFlow(request, target, options, run)
      : this.#onFlow(request, flow, target, options, run);
  }

  /** RFC 3261 §18.1.1: when the connection is refused, UDP after all. */
  async #toStream(
    request: SipRequest,
    stream: Target,
    target: Target,
    options: SendOptions,
    run: Run,
  ): Promise<SendOutcome> {
    const before = run.attempts;
    const outcome = await this.#toNewFlow(request, stream, options, run);
    const refused = outcome.kind === "failure" && outcome.code === "SIP_TRANSPORT" && run.attempts === before;
    const datagram = refused ? this.#endpoint.existingFlow(target) : undefined;
    if (datagram === undefined) return outcome;
    this.#endpoint.logger.warn({ target: stream }, "no TCP for a request too large for UDP; sending it on UDP");
    return this.#onFlow(request, datagram, target, options, run);
  }

  async #toNewFlow(request: SipRequest, target: Target, options: SendOptions, run: Run): Promise<SendOutcome> {
    let flow: Flow;
    try {
      flow = await this.#endpoint.flowTo(target, options.signal);
    } catch (error) {
      if (options.signal?.aborted) return aborted(run);
      if (this.#endpoint.closed) return failure("SIP_CLOSED", "the endpoint was closed", false, run);
      return failure("SIP_TRANSPORT", messageOf(error), true, run);
    }
    return this.#onFlow(request, flow, target, options, run);
  }

  #streamInstead(request: SipRequest, target: Target): Target | undefined {
    if (target.transport !== "UDP") return undefined;
    // The Via that is still to come takes about 100 octets.
    const tooLarge = request.encodedLength() + 100 > this.#udpMaxBytes;
    return tooLarge && this.#endpoint.transportNames.includes("TCP") ? { ...target, transport: "TCP" } : undefined;
  }

  /** @param target where to connect again when the flow ends while the request waits; undefined: that is a failure. */
  #onFlow(
    request: SipRequest,
    flow: Flow,
    target: Target | undefined,
    options: SendOptions,
    run: Run,
  ): Promise<SendOutcome> {
    const { signal } = options;
    const entered = this.#window.enter(flow, signal);
    if (entered === true) return this.#transact(request, flow, signal, run);
    if (entered !== false) {
      return entered.then((admitted) => {
        if (!admitted) return aborted(run);
        if (flow.open || target === undefined) return this.#transact(request, flow, signal, run);
        this.#window.leave(flow);
        return this.#toTarget(request, target, options, run);
      });
    }
    const { address, port } = flow.remote;
    const problem = `too many requests wait for ${flow.transport} ${address} port ${port}`;
    return Promise.resolve(failure("SIP_OVERLOADED", problem, true, run));
  }

  /** Holds a place in the window from its call to its outcome. */
  #transact(request: SipRequest, flow: Flow, signal: AbortSignal | undefined, run: Run): Promise<SendOutcome> {
    if (signal?.aborted) {
      this.#window.leave(flow);
      return Promise.resolve(aborted(run));
    }
    return new Promise((resolve) => {
      // A second target gets the same request with a Via of its own.
      if (run.sent === request) request.headers.shift("Via");
      run.sent = request;
      run.attempts++;
      const abort = (): void => transaction?.abandon(new SipTransactionError("SIP_ABORTED", "aborted"));
      let transaction: ClientTransaction | undefined;
      const stopWaiting = signal && onAbort(signal, abort);
      const done = (outcome: SendOutcome): void => {
        stopWaiting?.();
        this.#window.leave(flow);
        resolve(outcome);
      };
      try {
        transaction = this.#endpoint.send(request, flow, {
          response: (response) => {
            if (response.isFinal) done({ kind: "response", response, flow, attempts: run.attempts });
          },
          failed: (error) => done(failure(error.code, error.message, error.retryable, run)),
        });
      } catch (error) {
        run.attempts--;
        done(unsendable(error, run));
      }
    });
  }
}

interface Run {
  attempts: number;
  /** The request that has our Via already. */
  sent: SipRequest | undefined;
}

function failure(code: SendFailureCode, reason: string, retryable: boolean, run: Run): SendOutcome {
  return { kind: "failure", code, reason, retryable, attempts: run.attempts };
}

function aborted(run: Run): SendOutcome {
  return failure("SIP_ABORTED", "aborted", false, run);
}

function unresolved(error: SipLocateError, run: Run): SendOutcome {
  return failure("SIP_UNRESOLVED", error.message, error.retryable, run);
}

/** A start line or header field that no message may have: no target and no later try will do better. */
function unsendable(error: unknown, run: Run): SendOutcome {
  return failure("SIP_UNRESOLVED", `the request cannot be sent: ${messageOf(error)}`, false, run);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Topmost Route, else the Request-URI. RFC 3261 §8.1.2. Strict routers (no `lr`) are sent to all the same. */
function nextHopOf(request: SipRequest): SipUri | undefined {
  try {
    const route = request.headers.list("Route")[0];
    const uri = route === undefined ? request.uri : parseNameAddr(route, "Route").uri;
    return uri.scheme === "sip" || uri.scheme === "sips" ? uri : undefined;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
