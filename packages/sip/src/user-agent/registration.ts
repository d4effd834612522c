import type { Timer } from "../clock.ts";
import { newCallId, newTag, parseUri, type SipUri } from "../message/index.ts";
import { type Flow, type TransportName, transports } from "../transport/transport.ts";
import { pingsFor } from "./flow-pings.ts";
import {
  type RegistrationAction,
  type RegistrationEvent,
  type RegistrationState,
  registration,
} from "./registration.machine.ts";
import { type Grant, grantOf, hasNoAnswer, minExpires, type OwnBinding, refusalOf } from "./registration-answer.ts";
import { RegistrationBackOff } from "./registration-back-off.ts";
import { contactUri, registerRequest, registrarUri, staysOnTls, transportOf } from "./registration-contact.ts";
import { RegistrationFlow } from "./registration-flow.ts";
import type { RegistrationEventReport, RegistrationOptions, UserRegistration } from "./registration-options.ts";
import type { SendOptions, SendOutcome } from "./request-sender.ts";
import { type UserRoute, userRouteOf } from "./user-route.ts";

/**
 * Registers one contact and keeps it registered: refreshes, 423, 439, loss of the connection or of the registrar, removal.
 * RFC 3261 §10.2, Path RFC 3327, Service-Route RFC 3608, outbound RFC 5626, GRUU RFC 5627, P-Associated-URI RFC 7315.
 */
export class Registration implements UserRegistration {
  readonly #options: RegistrationOptions;
  /** Of the Contact; with `connect` that of the flow. */
  #transport: TransportName;
  readonly #fromTag = newTag();
  readonly #backOff: RegistrationBackOff;
  readonly #flow: RegistrationFlow;
  readonly #abort = new AbortController();
  #state: RegistrationState = "idle";
  /** The event of the step under way, and those behind it. */
  readonly #events: RegistrationEvent[] = [];
  #callId = newCallId();
  #cseq = 0;
  #expiresSeconds: number;
  #timer: Timer | undefined;
  /** What the last 2xx gave, and until when. */
  #grant: (Grant & { readonly expiresAtMs: number }) | undefined;
  /** 423 was answered once since the last other answer. */
  #raised = false;
  #outboundDropped = false;
  #outcome: SendOutcome | undefined;
  #stopped: (() => void) | undefined;

  /** @throws {SipParseError | TypeError} for an AoR or registrar that is no sip or sips URI, or URI parameters that are none. */
  constructor(options: RegistrationOptions) {
    this.#options = options;
    this.#backOff = new RegistrationBackOff(options);
    this.#flow = new RegistrationFlow(options.endpoint, () => this.#flowLost());
    this.#expiresSeconds = options.expiresSeconds ?? 3600;
    const registrar = registrarUri(options);
    parseUri(options.aor, "AoR");
    this.#transport = transportOf(options.nextHop ?? registrar, options.endpoint.transportNames);
    parseUri(this.contact, "Contact");
  }

  get state(): RegistrationState {
    return this.#state;
  }

  /** The Contact URI as registered. */
  get contact(): string {
    return contactUri(this.#options, this.#transport, this.#usesOutbound);
  }

  /** Whether the binding lives, as far as we know: between the last 200 and the end of its time or our own removal. */
  get registered(): boolean {
    return this.#lasting !== undefined;
  }

  /** Whether the registrar said that requests come on our flow. RFC 5626 §4.2.1. */
  get outbound(): boolean {
    return this.#lasting?.outbound ?? false;
  }

  /**
   * Public GRUU: for Contact in SUBSCRIBE, NOTIFY, REFER and the like, as it is, instead of {@link contact}. Undefined when the
   * registrar gave none, or the registration has lapsed. RFC 5627 §4.4.
   */
  get gruu(): string | undefined {
    return this.#lasting?.publicGruu;
  }

  /** The temporary GRUU given last, for anonymous requests; those before stay valid until the Call-ID changes. RFC 5627 §4.2. */
  get temporaryGruu(): string | undefined {
    return this.#lasting?.temporaryGruu;
  }

  /** Route set for requests of this user, from the last 200. RFC 3608 §5. */
  get serviceRoute(): readonly string[] {
    return this.#lasting?.serviceRoute ?? [];
  }

  /** URIs that are registered with the AoR, as the registrar says; the first is the user's default. RFC 7315 §4.1. */
  get associatedUris(): readonly string[] {
    return this.#lasting?.associatedUris ?? [];
  }

  /** The flow the last binding was made on, for requests (RFC 5626 §4.3); undefined when it is lost or there is none. */
  get flow(): Flow | undefined {
    return this.#flow.open;
  }

  get openFlows(): readonly Flow[] {
    return this.flow === undefined ? [] : [this.flow];
  }

  /** Status of the last answer, whatever it said; undefined when the last REGISTER had none. */
  get lastStatus(): number | undefined {
    return this.#outcome?.kind === "response" ? this.#outcome.response.statusCode : undefined;
  }

  /**
   * How a request of this user, outside of dialogs, is to leave.
   *
   * @param identity URI for P-Preferred-Identity; the network chooses when there is none.
   */
  route(identity?: string): UserRoute {
    const { nextHop, accessNetworkInfo, trustedAccess = false, endpoint } = this.#options;
    const { serviceRoute, associatedUris } = this;
    const flow = this.outbound ? this.flow : undefined;
    const toldIf = { trustedAccess, supported: endpoint.transportNames };
    return userRouteOf({ serviceRoute, associatedUris, flow, nextHop, accessNetworkInfo, ...toldIf }, identity);
  }

  /** Registers; what comes of it is told by `onEvent`. */
  start(): void {
    this.#step("start");
  }

  /**
   * Registers again now, when registered: a request was answered 430, the registrar shortened the binding, or a new Call-ID
   * is to end the temporary GRUUs that were given out (RFC 5627 §4.1).
   */
  renew(options: { readonly newCallId?: boolean } = {}): void {
    if (this.#state !== "registered") return;
    if (options.newCallId === true) {
      this.#callId = newCallId();
      this.#grant = this.#grant && { ...this.#grant, temporaryGruu: undefined };
    }
    this.#step("renew");
  }

  /** Ends the wait after a failure without another try; `start` goes on. */
  pause(): void {
    this.#step("pause");
  }

  /** Removes the binding and stops. Resolves when the registrar answered or after `timeoutMs`. Idempotent. */
  async stop(timeoutMs = 900): Promise<void> {
    if (this.#state === "ended") return;
    const timer = this.#options.endpoint.clock.schedule(timeoutMs, () => this.#abort.abort());
    // An answer under way is waited for; when the time is over, it and the removal are given up.
    await new Promise<void>((resolve) => {
      const before = this.#stopped;
      this.#stopped = () => {
        before?.();
        resolve();
      };
      this.#step("stop");
    });
    timer.cancel();
  }

  get #usesOutbound(): boolean {
    return this.#options.instanceId !== undefined && !this.#outboundDropped;
  }

  get #lasting(): Grant | undefined {
    const grant = this.#grant;
    return grant !== undefined && grant.expiresAtMs > this.#options.endpoint.clock.now() ? grant : undefined;
  }

  /** RFC 7315 §6.4: what P-Access-Network-Info tells is for a hop that nobody can listen at. */
  #isSecure({ flow }: SendOptions): boolean {
    const { trustedAccess = false, nextHop, endpoint } = this.#options;
    if (trustedAccess) return true;
    if (flow !== undefined) return transports[flow.transport].secure;
    return staysOnTls(nextHop ?? registrarUri(this.#options), endpoint.transportNames);
  }

  /** One step at a time: what a listener asks for in the middle of one comes after it. */
  #step(event: RegistrationEvent): void {
    this.#events.push(event);
    if (this.#events.length > 1) return;
    try {
      for (const next of this.#events) {
        const row = registration[this.#state][next];
        if (row === undefined) continue;
        this.#state = row.next;
        for (const action of row.actions) this.#perform(action);
      }
    } finally {
      this.#events.length = 0;
    }
  }

  #perform(action: RegistrationAction): void {
    switch (action) {
      case "register":
        void this.#register();
        return;
      case "raiseExpires":
        if (this.#outcome?.kind === "response") {
          this.#expiresSeconds = minExpires(this.#outcome.response) ?? this.#expiresSeconds;
        }
        return;
      case "dropOutbound":
        this.#outboundDropped = true;
        return;
      case "startRefresh": {
        // Half the time for short ones, ten minutes early for long ones (the rule of TS 24.229 §5.1.1.4).
        const { expiresSeconds } = this.#grant as Grant;
        this.#startTimer((expiresSeconds > 1200 ? expiresSeconds - 600 : expiresSeconds / 2) * 1000, "refreshDue");
        return;
      }
      case "startRetry":
        this.#startTimer(this.#waitMs(), "retryDue");
        this.#backOff.failed();
        return;
      case "stopTimers":
        this.#timer?.cancel();
        return;
      case "reportRegistered": {
        if (this.#flow.isGood) this.#backOff.succeeded();
        const { expiresSeconds } = this.#grant as Grant;
        this.#report({ kind: "registered", aor: this.#options.aor, contact: this.contact, expiresSeconds });
        return;
      }
      case "reportFailed":
        this.#report({
          kind: "failed",
          aor: this.#options.aor,
          ...refusalOf(this.#outcome),
          retryInMs: this.#waitMs(),
        });
        return;
      case "remove":
        this.#grant = undefined;
        void this.#send(0).then(() => this.#step("removed"));
        return;
      case "reportEnded":
        this.#grant = undefined;
        this.#flow.leave();
        this.#report({ kind: "ended", aor: this.#options.aor });
        this.#stopped?.();
        return;
      default:
        action satisfies never;
    }
  }

  async #register(): Promise<void> {
    this.#outcome = await this.#send(this.#expiresSeconds);
    this.#step(this.#judge(this.#outcome));
    // It may have ended while its answer was on the way up.
    if (this.#state === "registered" && this.#flow.isClosed) this.#flowLost();
  }

  /** Sends a REGISTER; never rejects. */
  async #send(expiresSeconds: number): Promise<SendOutcome> {
    try {
      const held = this.#heldFlow();
      if (held !== undefined) {
        const outcome = await this.#sendRegister(expiresSeconds, { flow: held });
        if (!hasNoAnswer(outcome)) return outcome;
        // RFC 5626 §4.5: the flow has failed, and another has to take its place.
        this.#giveUpFlow();
      }
      const outcome = await this.#sendRegister(expiresSeconds, await this.#where());
      if (hasNoAnswer(outcome)) this.#giveUpFlow();
      return outcome;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#giveUpFlow();
      const code = this.#options.endpoint.closed ? "SIP_CLOSED" : "SIP_UNRESOLVED";
      return { kind: "failure", code, reason, retryable: false, attempts: 0 };
    }
  }

  /** Where a REGISTER goes that makes a flow. */
  async #where(): Promise<SendOptions> {
    const { nextHop, connect } = this.#options;
    if (connect === undefined) return nextHop === undefined ? {} : { nextHop };
    const flow = await connect(this.#abort.signal);
    this.#transport = flow.transport;
    return { flow };
  }

  /** RFC 5626 §4.2.2: what refreshes or removes a binding goes over the flow that it was made on. */
  #heldFlow(): Flow | undefined {
    return this.#usesOutbound ? this.#flow.connection : undefined;
  }

  /** Nothing else would find out that a connection is of no use any more. */
  #giveUpFlow(): void {
    // A datagram socket does not end; only where there are other flows it counts as lost.
    if (this.#flow.connection !== undefined || this.#options.connect !== undefined) this.#flow.giveUp();
  }

  async #sendRegister(expiresSeconds: number, where: SendOptions): Promise<SendOutcome> {
    const { credentials, accessNetworkInfo } = this.#options;
    const request = registerRequest(this.#options, {
      contact: this.contact,
      outbound: this.#usesOutbound,
      expiresSeconds,
      callId: this.#callId,
      fromTag: this.#fromTag,
      cseq: ++this.#cseq,
      accessNetworkInfo: this.#isSecure(where) ? accessNetworkInfo : undefined,
    });
    const outcome = await this.#options.sender.send(request, {
      ...where,
      signal: this.#abort.signal,
      ...(credentials === undefined ? {} : { credentials }),
    });
    // Each answer to a challenge raised it by one; failover did not, which leaves a harmless gap.
    this.#cseq += Math.max(outcome.attempts - 1, 0);
    return outcome;
  }

  #flowLost(): void {
    // A new flow may lead through another first hop.
    this.#outboundDropped = false;
    const again = this.#flow.lost();
    if (!again || this.#state !== "registered") {
      this.#step("flowLost");
      return;
    }
    const reason = "the connection was lost again soon after it was made";
    this.#outcome = { kind: "failure", code: "SIP_TRANSPORT", reason, retryable: true, attempts: 0 };
    this.#step("flowLostAgain");
  }

  #judge(outcome: SendOutcome): RegistrationEvent {
    if (outcome.kind === "failure") return outcome.code === "SIP_CLOSED" ? "endpointClosed" : "refused";
    const { response, flow } = outcome;
    const { statusCode } = response;
    const tooBrief = statusCode === 423 && (minExpires(response) ?? 0) > this.#expiresSeconds;
    // Once: a registrar that raises it again and again would be asked without end.
    if (tooBrief && !this.#raised) {
      this.#raised = true;
      return "tooBrief";
    }
    this.#raised = false;
    const { mayDropOutbound = () => true } = this.#options;
    if (statusCode === 439 && this.#usesOutbound && mayDropOutbound()) return "noOutbound";
    const grant = statusCode < 300 ? grantOf(response, this.#binding()) : undefined;
    if (grant === undefined || grant.expiresSeconds === 0) {
      // RFC 3608 §6.1; the GRUUs stay (RFC 5627 §4.2).
      this.#grant = this.#grant && { ...this.#grant, serviceRoute: [] };
      return "refused";
    }
    this.#grant = { ...grant, expiresAtMs: this.#options.endpoint.clock.now() + grant.expiresSeconds * 1000 };
    this.#flow.use(flow, pingsFor(response, flow));
    return "accepted";
  }

  #binding(): OwnBinding {
    const { instanceId, regId = 1 } = this.#options;
    const contact = parseUri(this.contact, "Contact") as SipUri;
    return {
      contact,
      instanceId,
      regId: this.#usesOutbound ? regId : undefined,
      expiresSeconds: this.#expiresSeconds,
    };
  }

  #waitMs(): number {
    return this.#backOff.waitMs(this.#outcome?.kind === "response" ? this.#outcome.response : undefined);
  }

  #startTimer(delayMs: number, event: RegistrationEvent): void {
    this.#timer?.cancel();
    this.#timer = this.#options.endpoint.clock.schedule(delayMs, () => this.#step(event));
  }

  #report(event: RegistrationEventReport): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      const { logger } = this.#options.endpoint;
      logger.error({ err: error, event: event.kind }, "a listener for registration events threw");
    }
  }
}
