import {
  type Grant,
  minExpires,
  parseRetryAfter,
  pingsFor,
  refusalOf,
  type SendOptions,
  type SendOutcome,
  TimerWheel,
} from "@sip-push/sip";
import type { FleetEvent } from "./fleet-events.ts";
import { FleetFlows } from "./fleet-flows.ts";
import type { FleetPace } from "./fleet-options.ts";
import { FleetRegister, type FleetRegisterOptions } from "./fleet-register.ts";
import { type HandsetAction, type HandsetEvent, handset as machine } from "./handset.machine.ts";
import type { Handset } from "./handset.ts";
import { RegisterPace } from "./register-pace.ts";

export interface FleetRegistrationsOptions extends FleetRegisterOptions {
  readonly expiresSeconds: number;
  readonly pace: FleetPace;
  readonly random: () => number;
  /** Never throws. */
  readonly onEvent: (event: FleetEvent) => void;
}

const TICK_MS = 100;
const RETRY_BASE_MS = 2000;
const RETRY_MAX_MS = 30_000;
/** Refreshes come so much earlier than they must, at most, each by a part of its own. */
const SPREAD = 0.2;
/** Route sets that are kept once for all; a registrar that gives each handset one of its own gets no more kept. */
const MAX_ROUTE_SETS = 1000;

/** Registers the handsets of a fleet and keeps them registered: performs the actions of the handsets' machine. */
export class FleetRegistrations {
  readonly flows: FleetFlows;
  readonly #requests: FleetRegister;
  readonly #options: FleetRegistrationsOptions;
  readonly #pace: RegisterPace<Handset>;
  readonly #wheel: TimerWheel;
  readonly #routeSets = new Map<string, readonly string[]>();
  readonly #abort = new AbortController();
  #expiresSeconds: number;
  #registered = 0;
  #left: number;
  #failures = 0;
  /** What the step under way is about: the last answer, and what it asks for or gives. */
  #outcome: SendOutcome | undefined;
  #asked = 0;
  #grantedSeconds = 0;
  #retryMs = 0;
  #work: Promise<void> | undefined;
  /** Those that wait because nobody answered: once one is registered, there is somebody again. */
  readonly #unanswered = new Set<Handset>();
  #ended: (() => void) | undefined;

  /** @throws {SipParseError} for an AoR with which no Contact can be made. */
  constructor(options: FleetRegistrationsOptions) {
    const { endpoint, handsets, pace } = options;
    this.#options = options;
    this.#requests = new FleetRegister(options);
    this.#expiresSeconds = options.expiresSeconds;
    this.#left = handsets.length;
    this.#wheel = new TimerWheel(endpoint.clock, TICK_MS);
    this.flows = new FleetFlows(endpoint, (handset, soon) => {
      this.#outcome = undefined;
      this.#step(handset, soon ? "flowLostSoon" : "flowLost");
    });
    const { registersPerSecond = 500, maxInFlight = 64 } = pace;
    this.#pace = new RegisterPace({ clock: endpoint.clock, perSecond: registersPerSecond, maxInFlight }, (handset) =>
      this.#turn(handset),
    );
  }

  /** Handsets that can be reached. */
  get registered(): number {
    return this.#registered;
  }

  /** REGISTERs that were refused or not answered. */
  get failures(): number {
    return this.#failures;
  }

  /** Registers all, each in its turn. */
  start(): void {
    for (const handset of this.#options.handsets) this.#step(handset, "start");
  }

  /** How a request of this handset leaves: Route (RFC 3608 §6.1), its connection or the proxy, and what answers challenges. */
  wayOf(handset: Handset): { readonly headers: Array<readonly [string, string]>; readonly sending: SendOptions } {
    const headers = handset.serviceRoute.map((route) => ["Route", route] as const);
    return { headers, sending: { ...this.#requests.sendingOf(handset), ...this.#requests.credentialsOf(handset) } };
  }

  /** What a handset says where it can be reached and which applications it has. */
  contactField(handset: Handset): string {
    return this.#requests.contactField(handset);
  }

  /** Removes all bindings, as many as `timeoutMs` allows. */
  async stop(timeoutMs: number): Promise<void> {
    const { handsets, endpoint } = this.#options;
    await new Promise<void>((resolve) => {
      const timer = endpoint.clock.schedule(timeoutMs, resolve);
      this.#ended = () => {
        timer.cancel();
        resolve();
      };
      for (const handset of handsets) this.#step(handset, "stop");
      this.#pace.hurry();
    });
    this.#pace.close();
    this.#abort.abort();
    this.#wheel.close();
    this.flows.close();
    this.#options.onEvent({ event: "unregistered", count: handsets.length - this.#left });
  }

  #step(handset: Handset, event: HandsetEvent): void {
    const row = machine[handset.state][event];
    if (row === undefined) return;
    handset.state = row.next;
    for (const action of row.actions) this.#perform(handset, action);
  }

  /** Settles when what the turn was for is answered. */
  #turn(handset: Handset): Promise<void> {
    this.#work = undefined;
    this.#step(handset, "turn");
    return this.#work ?? Promise.resolve();
  }

  #perform(handset: Handset, action: HandsetAction): void {
    switch (action) {
      case "enqueue":
        this.#unanswered.delete(handset);
        this.#pace.push(handset);
        return;
      case "register":
        this.#work = this.#register(handset);
        return;
      case "remove":
        this.#work = this.#remove(handset);
        return;
      case "raiseExpires":
        this.#expiresSeconds = this.#asked;
        return;
      case "bind":
        handset.failures = 0;
        this.#bind(handset, true);
        for (const waiting of [...this.#unanswered]) this.#step(waiting, "due");
        return;
      case "unbind":
        this.#bind(handset, false);
        return;
      case "startRefresh":
        this.#startTimer(handset, this.#refreshMs());
        return;
      case "startRetry":
        if (this.#outcome?.kind !== "response") this.#unanswered.add(handset);
        this.#retryMs = this.#waitMs(handset);
        handset.failures++;
        this.#startTimer(handset, this.#retryMs);
        return;
      case "stopTimer":
        if (handset.timer !== undefined) this.#wheel.stop(handset.timer);
        return;
      case "reportFailed":
        this.#failures++;
        this.#options.onEvent({
          event: "registration-failed",
          aor: handset.aor,
          ...refusalOf(this.#outcome),
          retryInMs: this.#retryMs,
        });
        return;
      case "end":
        this.flows.leave(handset);
        this.#left--;
        if (this.#left === 0) this.#ended?.();
        return;
      default:
        action satisfies never;
    }
  }

  async #register(handset: Handset): Promise<void> {
    const outcome = await this.#requests.send(handset, this.#expiresSeconds, this.#abort.signal);
    this.#outcome = outcome;
    this.#step(handset, this.#judge(handset, outcome));
    // It ended while the answer was on its way up, and nobody will say so any more.
    if (outcome.kind === "response" && !outcome.flow.open) this.#step(handset, "flowLost");
  }

  /** Of one that never registered there is nothing to remove. */
  async #remove(handset: Handset): Promise<void> {
    if (handset.cseq > 0) await this.#requests.send(handset, 0, this.#abort.signal);
    this.#step(handset, "removed");
  }

  #judge(handset: Handset, outcome: SendOutcome): HandsetEvent {
    if (outcome.kind === "failure") return "refused";
    const { response, flow } = outcome;
    if (response.statusCode === 423) {
      this.#asked = minExpires(response) ?? 0;
      // One registrar grants to all alike.
      return this.#asked > this.#expiresSeconds ? "tooBrief" : "refused";
    }
    const grant =
      response.statusCode < 300 ? this.#requests.grantOf(handset, response, this.#expiresSeconds) : undefined;
    if (grant === undefined || grant.expiresSeconds === 0) return "refused";
    this.#grantedSeconds = grant.expiresSeconds;
    handset.serviceRoute = this.#routeSetOf(grant);
    this.flows.join(handset, flow, pingsFor(response, flow));
    return "accepted";
  }

  /** One array for all that have the same. */
  #routeSetOf({ serviceRoute }: Grant): readonly string[] {
    const key = serviceRoute.join(", ");
    const known = this.#routeSets.get(key);
    if (known !== undefined) return known;
    if (this.#routeSets.size < MAX_ROUTE_SETS) this.#routeSets.set(key, serviceRoute);
    return serviceRoute;
  }

  #bind(handset: Handset, registered: boolean): void {
    if (handset.registered === registered) return;
    handset.registered = registered;
    this.#registered += registered ? 1 : -1;
    const { handsets, onEvent } = this.#options;
    if (this.#registered === handsets.length) onEvent({ event: "registered", count: this.#registered });
  }

  #startTimer(handset: Handset, delayMs: number): void {
    handset.timer ??= this.#wheel.timer(() => this.#step(handset, "due"));
    this.#wheel.start(handset.timer, delayMs);
  }

  /** Half the time for short ones, ten minutes early for long ones (the rule of TS 24.229 §5.1.1.4), and somewhat earlier. */
  #refreshMs(): number {
    const seconds = this.#grantedSeconds;
    return (seconds > 1200 ? seconds - 600 : seconds / 2) * 1000 * (1 - SPREAD * this.#options.random());
  }

  /** Doubling, each random from half of that; a Retry-After may ask for more. RFC 5626 §4.5. */
  #waitMs({ failures }: Handset): number {
    const outcome = this.#outcome;
    const oursMs = Math.min(RETRY_MAX_MS, RETRY_BASE_MS * 2 ** Math.min(failures, 30));
    const asked = outcome?.kind === "response" ? outcome.response.headers.get("Retry-After") : undefined;
    const askedMs = Math.min((parseRetryAfter(asked) ?? 0) * 1000, RETRY_MAX_MS);
    return Math.round(Math.max(oursMs * (0.5 + 0.5 * this.#options.random()), askedMs));
  }
}
