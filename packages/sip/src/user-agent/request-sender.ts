import type { DigestClient } from "../auth/index.ts";
import { locate, locateNow, type Resolver, systemResolver, TargetHealth } from "../locate/index.ts";
import { parseNameAddr, parseRetryAfter, parseUri, type SipRequest, type SipResponse, type SipUri } from "../message/index.ts";
import { SipTransactionError } from "../transaction/index.ts";
import { type Flow, SipTransportError, type Target } from "../transport/transport.ts";
import type { SipEndpoint } from "./endpoint.ts";
import { DestinationWindow, type WindowLimits } from "./window.ts";

export interface RequestSenderOptions {
  readonly endpoint: SipEndpoint;
  readonly resolver?: Resolver;
  readonly window?: WindowLimits;
  /** Requests longer than this leave on TCP when the next hop would be UDP. RFC 3261 §18.1.1. Default 1300. */
  readonly udpMaxBytes?: number;
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

export type SendFailureCode = "SIP_TIMEOUT" | "SIP_TRANSPORT" | "SIP_ABORTED" | "SIP_CLOSED" | "SIP_UNRESOLVED" | "SIP_OVERLOADED";

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
  readonly #window: DestinationWindow;
  readonly #health: TargetHealth;
  readonly #udpMaxBytes: number;
  readonly #maxTargets: number;
  readonly #random: () => number;

  constructor(options: RequestSenderOptions) {
    this.#endpoint = options.endpoint;
    this.#resolver = options.resolver ?? systemResolver();
    this.#window = new DestinationWindow(options.window);
    this.#health = new TargetHealth({ clock: options.endpoint.clock });
    this.#udpMaxBytes = options.udpMaxBytes ?? 1300;
    this.#maxTargets = options.maxTargets ?? 8;
    this.#random = options.random ?? Math.random;
  }

  /** Requests refused because a destination's window and queue were full. */
  get refused(): number {
    return this.#window.refused;
  }

  /** Sends and waits for the outcome. The request belongs to the sender from here on. Never rejects. */
  async send(request: SipRequest, options: SendOptions = {}): Promise<SendOutcome> {
    const run: Run = { attempts: 0 };
    let current = options.credentials?.preauthorize(request) ?? request;
    // DigestClient ends this: it answers each challenger once, and once more when a nonce was stale.
    for (;;) {
      const outcome = await this.#toTargets(current, options, run);
      if (outcome.kind !== "response") return outcome;
      const { statusCode } = outcome.response;
      if (statusCode !== 401 && statusCode !== 407) {
        options.credentials?.accepted(current, outcome.response);
        return outcome;
      }
      const authorized = options.credentials?.authorize(current, outcome.response);
      if (authorized === undefined) return outcome;
      current = authorized;
    }
  }

  async #toTargets(request: SipRequest, options: SendOptions, run: Run): Promise<SendOutcome> {
    if (options.flow !== undefined) return this.#onFlow(request, options.flow, options, run);
    let last: SendOutcome | undefined;
    let tried = 0;
    try {
      for await (const target of this.#targets(request, options)) {
        if (options.signal?.aborted) break;
        if (last !== undefined) request.headers.shift("Via");
        last = await this.#toTarget(request, target, options, run);
        if (!this.#failsOver(last, target) || ++tried === this.#maxTargets) return last;
      }
    } catch (error) {
      return last ?? failure("SIP_UNRESOLVED", error instanceof Error ? error.message : String(error), true, run);
    }
    if (options.signal?.aborted) return failure("SIP_ABORTED", "aborted", false, run);
    return last ?? failure("SIP_UNRESOLVED", `no address for ${request.requestUri}`, false, run);
  }

  #targets(request: SipRequest, options: SendOptions): Iterable<Target> | AsyncIterable<Target> {
    const hop = options.nextHop ?? nextHopOf(request);
    if (hop === undefined) throw new Error(`${request.requestUri} is no SIP URI and there is no Route`);
    const supported = this.#endpoint.transportNames;
    const now = locateNow(hop, supported);
    if (now !== undefined) return [now];
    return this.#health.order(locate(hop, { resolver: this.#resolver, supported, random: this.#random }));
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

  async #toTarget(request: SipRequest, target: Target, options: SendOptions, run: Run): Promise<SendOutcome> {
    const stream = this.#streamInstead(request, target);
    if (stream !== undefined) {
      try {
        const flow = this.#endpoint.existingFlow(stream) ?? (await this.#endpoint.flowTo(stream, options.signal));
        return await this.#onFlow(request, flow, options, run);
      } catch (error) {
        // RFC 3261 §18.1.1: when the connection is refused, UDP after all.
        if (!(error instanceof SipTransportError)) throw error;
        this.#endpoint.logger.warn(
          { target: stream, problem: error.message },
          "no TCP for a request too large for UDP; sending it on UDP",
        );
      }
    }
    let flow = this.#endpoint.existingFlow(target);
    try {
      flow ??= await this.#endpoint.flowTo(target, options.signal);
    } catch (error) {
      if (options.signal?.aborted) return failure("SIP_ABORTED", "aborted", false, run);
      return failure("SIP_TRANSPORT", error instanceof Error ? error.message : String(error), true, run);
    }
    return this.#onFlow(request, flow, options, run);
  }

  #streamInstead(request: SipRequest, target: Target): Target | undefined {
    if (target.transport !== "UDP") return undefined;
    // The Via that is still to come takes about 100 octets.
    const tooLarge = request.encodedLength() + 100 > this.#udpMaxBytes;
    return tooLarge && this.#endpoint.transportNames.includes("TCP") ? { ...target, transport: "TCP" } : undefined;
  }

  async #onFlow(request: SipRequest, flow: Flow, options: SendOptions, run: Run): Promise<SendOutcome> {
    const destination = `${flow.transport} ${flow.remote.address} ${flow.remote.port}`;
    const entered = this.#window.enter(destination);
    if (entered === false) {
      return failure("SIP_OVERLOADED", `too many requests wait for ${destination}`, true, run);
    }
    if (entered !== true) await entered;
    try {
      if (options.signal?.aborted) return failure("SIP_ABORTED", "aborted", false, run);
      return await this.#transact(request, flow, options.signal, run);
    } finally {
      this.#window.leave(destination);
    }
  }

  #transact(request: SipRequest, flow: Flow, signal: AbortSignal | undefined, run: Run): Promise<SendOutcome> {
    return new Promise((resolve) => {
      run.attempts++;
      const abort = (): void => transaction.abandon(new SipTransactionError("SIP_ABORTED", "aborted"));
      const done = (outcome: SendOutcome): void => {
        signal?.removeEventListener("abort", abort);
        resolve(outcome);
      };
      const transaction = this.#endpoint.send(request, flow, {
        response: (response) => {
          if (response.isFinal) done({ kind: "response", response, flow, attempts: run.attempts });
        },
        failed: (error) => done(failure(error.code, error.message, error.retryable, run)),
      });
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}

interface Run {
  attempts: number;
}

function failure(code: SendFailureCode, reason: string, retryable: boolean, run: Run): SendOutcome {
  return { kind: "failure", code, reason, retryable, attempts: run.attempts };
}

/** Topmost Route, else the Request-URI. RFC 3261 §8.1.2. Strict routers (no `lr`) are sent to all the same. */
function nextHopOf(request: SipRequest): SipUri | undefined {
  const route = request.headers.list("Route")[0];
  const uri = route === undefined ? parseUri(request.requestUri, "Request-URI") : parseNameAddr(route, "Route").uri;
  return uri.scheme === "sip" || uri.scheme === "sips" ? uri : undefined;
}
