import type { Timer } from "../clock.ts";
import { type Resolver, systemResolver } from "../locate/index.ts";
import type { SipRequest, SipUri } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";
import { OutboundTargets } from "./outbound-targets.ts";
import { Registration } from "./registration.ts";
import { hasNoAnswer } from "./registration-answer.ts";
import type { RegistrationEventReport, RegistrationOptions, UserRegistration } from "./registration-options.ts";
import type { SendOptions, SendOutcome } from "./request-sender.ts";
import type { UserRoute } from "./user-route.ts";

/** Options of the {@link Registration}s that are the same for all flows, and what flows there are. */
export interface OutboundRegistrationOptions
  extends Omit<
    RegistrationOptions,
    "instanceId" | "regId" | "nextHop" | "connect" | "mayDropOutbound" | "retryBaseMs"
  > {
  /** `urn:uuid:…`, the same over restarts: all flows are bindings of it. RFC 5626 §4.1. */
  readonly instanceId: string;
  /**
   * The outbound proxy set (RFC 5626 §4.2), 1 to 8 URIs. Flow n goes to the n-th. Of one proxy with several addresses (SRV,
   * A and AAAA) each flow takes another.
   */
  readonly proxies: readonly SipUri[];
  /** Flows to keep, 1 to 8. Default: one for each proxy, and two for one. */
  readonly flows?: number;
  readonly resolver?: Resolver;
  /** First wait of a flow while no flow is registered; doubles. Default 2000; RFC 5626 §4.5 suggests 30 s. */
  readonly retryBaseMs?: number;
  /** First wait of a flow while another is registered. Default three times `retryBaseMs`, as in RFC 5626 §4.5. */
  readonly retryBaseWhileRegisteredMs?: number;
  /** What happens to each flow; `onEvent` tells about all together. */
  readonly onFlowEvent?: (event: RegistrationEventReport, regId: number) => void;
}

/** RFC 5626 §4.2.1 wants two flows at least to be possible, and recommends four. */
const MAX_FLOWS = 8;

/** How long the first flow is waited for; a silent proxy would hold up the others for 32 s. */
const HEAD_START_MS = 2000;

/** After these another flow may do better: the transport failed, nobody answered, 430 (RFC 5626 §11.5), 503 (RFC 3263 §4.3). */
const OTHER_FLOW: ReadonlySet<number> = new Set([430, 503]);

/**
 * Several registrations of one user agent, each on a flow of its own, so that the user can be reached, and send, while one of
 * them lives. RFC 5626 §4.
 *
 * The first flow goes ahead; the others follow once it is registered with outbound, has failed, or is silent for 2 s. At a registrar without outbound
 * there is one binding only, whichever flow got it: two would bring each request twice. `onEvent` hears `registered` when the
 * first flow is and at each refresh of any, `failed` when a flow failed and no other is registered, `ended` once.
 */
export class OutboundRegistration implements UserRegistration {
  readonly #options: OutboundRegistrationOptions;
  readonly #targets: OutboundTargets;
  readonly #flows: readonly Registration[];
  #timer: Timer | undefined;
  #ended = 0;

  /** @throws {TypeError} for a set of proxies or a number of flows out of range; else as {@link Registration}. */
  constructor(options: OutboundRegistrationOptions) {
    const { proxies, flows = Math.max(2, proxies.length), endpoint, resolver = systemResolver(), random } = options;
    if (!Number.isInteger(flows) || flows < 1 || flows > MAX_FLOWS) throw new TypeError(`flows: 1 to ${MAX_FLOWS}`);
    if (proxies.length < 1 || proxies.length > MAX_FLOWS) throw new TypeError(`proxies: 1 to ${MAX_FLOWS}`);
    this.#options = options;
    this.#targets = new OutboundTargets({ endpoint, resolver, proxies, ...(random && { random }) });
    this.#flows = Array.from({ length: flows }, (_, index) => this.#newRegistration(index));
  }

  /** The flows, in order of their reg-id from 1 on. */
  get flows(): readonly Registration[] {
    return this.#flows;
  }

  /** Whether at least one flow is registered. */
  get registered(): boolean {
    return this.#live.length > 0;
  }

  /** Contact URI of the flow that requests take. */
  get contact(): string {
    return this.#best.contact;
  }

  /** Public GRUU; all flows have the same. RFC 5627 §4.2. */
  get gruu(): string | undefined {
    return this.#live.find(({ gruu }) => gruu !== undefined)?.gruu;
  }

  get temporaryGruu(): string | undefined {
    return this.#live.find(({ temporaryGruu }) => temporaryGruu !== undefined)?.temporaryGruu;
  }

  get serviceRoute(): readonly string[] {
    return this.#best.serviceRoute;
  }

  get associatedUris(): readonly string[] {
    return this.#best.associatedUris;
  }

  /** The flow that requests take now. */
  get flow(): Flow | undefined {
    return this.#best.flow;
  }

  get openFlows(): readonly Flow[] {
    return this.#live.flatMap(({ openFlows }) => openFlows);
  }

  /** As {@link Registration.route}, by the flow that requests take now. */
  route(identity?: string): UserRoute {
    return this.#best.route(identity);
  }

  start(): void {
    this.#flows[0]?.start();
    this.#timer?.cancel();
    this.#timer = this.#options.endpoint.clock.schedule(HEAD_START_MS, () => this.#settle());
  }

  /** Removes all bindings and stops. Idempotent. */
  async stop(timeoutMs = 900): Promise<void> {
    this.#timer?.cancel();
    await Promise.all(this.#flows.map((each) => each.stop(timeoutMs)));
  }

  /**
   * Sends a request of the user on a flow that lives, and on another when that fails: no answer, 430, 503. Route,
   * P-Access-Network-Info and P-Preferred-Identity are added, Route only when there is none. Never rejects; while nothing is
   * registered it goes to the first proxy.
   *
   * @param identity as for {@link route}.
   */
  async send(request: SipRequest, options: SendOptions = {}, identity?: string): Promise<SendOutcome> {
    const ways = this.#live.length > 0 ? this.#live : [this.#best];
    let attempts = 0;
    let outcome: SendOutcome | undefined;
    for (const way of ways) {
      outcome = await this.#sendBy(way, request, options, identity);
      attempts += outcome.attempts;
      if (options.signal?.aborted === true || !failsOver(outcome)) break;
      // Whether the flow is still good, its REGISTER will tell; a busy proxy has just told.
      if (outcome.kind === "failure" || outcome.response.statusCode === 430) way.renew();
    }
    return { ...(outcome as SendOutcome), attempts };
  }

  get #live(): Registration[] {
    return this.#flows.filter(isLive);
  }

  get #best(): Registration {
    return this.#live[0] ?? (this.#flows[0] as Registration);
  }

  #sendBy(way: Registration, request: SipRequest, options: SendOptions, identity?: string): Promise<SendOutcome> {
    const copy = request.clone();
    const { headers, sending } = way.route(identity);
    for (const [name, value] of headers)
      if (name !== "Route" || !copy.headers.has("Route")) copy.headers.add(name, value);
    return this.#options.sender.send(copy, { ...sending, ...options });
  }

  #newRegistration(index: number): Registration {
    const { retryBaseMs = 2000, retryBaseWhileRegisteredMs = retryBaseMs * 3 } = this.#options;
    return new Registration({
      ...this.#options,
      regId: index + 1,
      nextHop: this.#targets.proxyOf(index),
      connect: (signal) => this.#targets.connect(index, signal),
      retryBaseMs: () => (this.registered ? retryBaseWhileRegisteredMs : retryBaseMs),
      mayDropOutbound: () => this.#mayDropOutbound(index),
      onEvent: (event) => this.#onFlowEvent(event, index),
    });
  }

  /** RFC 5626 §4.2.1: while another proxy may support outbound, one that does not is left alone. */
  #mayDropOutbound(index: number): boolean {
    return this.#flows.every((each, other) => other === index || (!isLive(each) && each.lastStatus === 439));
  }

  #onFlowEvent(event: RegistrationEventReport, index: number): void {
    this.#options.onFlowEvent?.(event, index + 1);
    switch (event.kind) {
      case "registered":
        this.#targets.registered(index);
        this.#settle();
        this.#options.onEvent?.(event);
        return;
      case "failed":
        if (this.#gaveUpTarget(index)) this.#targets.failed(index);
        this.#settle();
        if (!this.registered) this.#options.onEvent?.(event);
        return;
      case "ended":
        this.#ended++;
        if (this.#ended === this.#flows.length) this.#options.onEvent?.(event);
        return;
      default:
        event satisfies never;
    }
  }

  /** A flow that was refused and is still there keeps its target, or another flow could move in with it; after 439 it may. */
  #gaveUpTarget(index: number): boolean {
    const { flow, lastStatus } = this.#flows[index] as Registration;
    return flow === undefined || lastStatus === 439;
  }

  /** Which flows should be tried now: none but the one that is registered without outbound, else all. */
  #settle(): void {
    this.#timer?.cancel();
    // Live it is until its time is over, refused refresh or not: then it goes on trying.
    const plain = this.#live.find(({ outbound }) => !outbound);
    for (const each of this.#flows) {
      if (plain === undefined || each === plain) each.start();
      else each.pause();
    }
  }
}

function isLive({ registered, flow }: Registration): boolean {
  return registered && flow !== undefined;
}

function failsOver(outcome: SendOutcome): boolean {
  return hasNoAnswer(outcome) || (outcome.kind === "response" && OTHER_FLOW.has(outcome.response.statusCode));
}
