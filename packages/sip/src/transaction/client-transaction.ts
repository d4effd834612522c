import type { SipRequest, SipResponse } from "../message/index.ts";
import type { Flow, SipTransportError } from "../transport/transport.ts";
import { SipTransactionError } from "./errors.ts";
import { type ClientAction, type ClientEvent, type ClientState, nonInviteClient } from "./non-invite-client.machine.ts";
import type { TimerWheel, WheelTimer } from "./timer-wheel.ts";
import type { NonInviteTimers } from "./timers.ts";

/** Who sent the request. Every call comes later than the one that sent it. */
export interface ClientTransactionUser {
  /** A provisional response, or the final one: after that nothing comes. */
  response(response: SipResponse): void;
  /** No final response: timeout, transport error, or the layer was closed. */
  failed(error: SipTransactionError): void;
}

/** What a transaction needs from its layer. */
export interface ClientTransactionHost {
  readonly wheel: TimerWheel;
  /** It has its final response: keep its branch for Timer K, so that repetitions are known for what they are. */
  completed(transaction: ClientTransaction): void;
  /** It is over: forget it. */
  ended(transaction: ClientTransaction): void;
  /** Its user threw, which must not leave it half-way between two states. */
  userThrew(error: unknown, transaction: ClientTransaction): void;
}

/**
 * Non-INVITE client transaction: performs the actions of {@link nonInviteClient}. Timers E and F share one place in the
 * wheel. In Completed the layer keeps the branch alone, so that hundreds of thousands can wait for Timer K.
 */
export class ClientTransaction {
  readonly branch: string;
  readonly method: string;
  /** `host:port` that stands in our Via: a response whose topmost Via says otherwise is not ours. */
  readonly sentBy: string;
  readonly flow: Flow;
  readonly #host: ClientTransactionHost;
  readonly #timers: NonInviteTimers;
  #state: ClientState = "trying";
  #octets: Uint8Array | undefined;
  #user: ClientTransactionUser | undefined;
  #intervalMs: number;
  /** When Timer F fires, by the wheel's clock. */
  #deadlineMs = 0;
  #retransmits = false;
  readonly #timer: WheelTimer;
  /** How often the request was sent, retransmissions included. */
  sends = 0;

  constructor(
    host: ClientTransactionHost,
    timers: NonInviteTimers,
    request: SipRequest,
    via: { branch: string; sentBy: string },
    flow: Flow,
    user: ClientTransactionUser,
  ) {
    this.#host = host;
    this.#timers = timers;
    this.branch = via.branch;
    this.sentBy = via.sentBy;
    this.method = request.method;
    this.flow = flow;
    this.#octets = request.encode();
    this.#user = user;
    this.#intervalMs = timers.eMs;
    this.#timer = host.wheel.timer(() => this.#step(host.wheel.now() >= this.#deadlineMs ? "timerF" : "timerE"));
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Sends the request for the first time and starts F, and E on an unreliable transport. */
  start(reliable: boolean): void {
    this.#send();
    this.#retransmits = !reliable;
    this.#deadlineMs = this.#host.wheel.now() + this.#timers.fMs;
    this.#startTimer();
  }

  receive(response: SipResponse): void {
    this.#step(response.isFinal ? "final" : "provisional", response);
  }

  /** The flow broke, or the request did not leave. */
  transportError(error: SipTransportError): void {
    this.#step("transportError", undefined, error);
  }

  /** Ends it without waiting; the user hears `failed` with `error`, unless a final response was there before. */
  abandon(error: SipTransactionError): void {
    const user = this.#user;
    this.#terminate();
    try {
      user?.failed(error);
    } catch (thrown) {
      this.#host.userThrew(thrown, this);
    }
  }

  #step(event: ClientEvent, response?: SipResponse, error?: SipTransportError): void {
    const row = nonInviteClient[this.#state][event];
    if (row === undefined) return;
    this.#state = row.next;
    for (const action of row.actions) this.#perform(action, response, error);
    if (this.#state === "terminated") this.#terminate();
  }

  #perform(action: ClientAction, response: SipResponse | undefined, error: SipTransportError | undefined): void {
    switch (action) {
      case "passUp":
        if (response !== undefined) this.#tell(response);
        return;
      case "resend":
        this.#send();
        return;
      case "backOffE":
        this.#intervalMs = Math.min(this.#intervalMs * 2, this.#timers.eMaxMs);
        this.#startTimer();
        return;
      case "restartE":
        this.#intervalMs = this.#timers.eMaxMs;
        this.#startTimer();
        return;
      case "stopTimers":
        this.#host.wheel.stop(this.#timer);
        return;
      case "startK":
        // Unless its user abandoned it when told.
        if (this.#state !== "completed") return;
        this.#octets = undefined;
        this.#user = undefined;
        if (this.#timers.kMs === 0) this.#step("timerK");
        else this.#host.completed(this);
        return;
      case "failTimeout":
        this.#tell(new SipTransactionError("SIP_TIMEOUT", `no final response to ${this.method}`));
        return;
      case "failTransport":
        this.#tell(new SipTransactionError("SIP_TRANSPORT", error?.message ?? "transport error", { cause: error }));
        return;
      default:
        action satisfies never;
    }
  }

  #tell(what: SipResponse | SipTransactionError): void {
    try {
      if (what instanceof SipTransactionError) this.#user?.failed(what);
      else this.#user?.response(what);
    } catch (error) {
      this.#host.userThrew(error, this);
    }
  }

  #startTimer(): void {
    const { wheel } = this.#host;
    const untilF = this.#deadlineMs - wheel.now();
    wheel.start(this.#timer, this.#retransmits ? Math.min(this.#intervalMs, untilF) : untilF);
  }

  #send(): void {
    if (this.#octets === undefined) return;
    this.sends++;
    this.flow.send(this.#octets, (error) => this.transportError(error));
  }

  #terminate(): void {
    this.#state = "terminated";
    this.#host.wheel.stop(this.#timer);
    this.#octets = undefined;
    this.#user = undefined;
    this.#host.ended(this);
  }
}
