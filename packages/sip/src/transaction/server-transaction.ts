import { type ResponseInit, responseTo, type SipRequest, type SipResponse } from "../message/index.ts";
import { type Flow, transports } from "../transport/transport.ts";
import { nonInviteServer, type ServerAction, type ServerEvent, type ServerState } from "./non-invite-server.machine.ts";
import type { TimerWheel, WheelTimer } from "./timer-wheel.ts";
import type { NonInviteTimers } from "./timers.ts";

/** What a transaction needs from its layer. */
export interface ServerTransactionHost {
  readonly wheel: TimerWheel;
  /** Sends a response the way its request came (RFC 3261 §18.2.2). */
  sendResponse(octets: Uint8Array, transaction: ServerTransaction): void;
  /** It has answered: keep `octets` for Timer J and forget the object. */
  completed(transaction: ServerTransaction, octets: Uint8Array): void;
  /** It was never answered: forget it. */
  abandoned(transaction: ServerTransaction): void;
}

/** Non-INVITE server transaction: performs the actions of {@link nonInviteServer}. */
export class ServerTransaction {
  /** @internal */
  readonly key: string;
  readonly request: SipRequest;
  /** The flow that brought the request. */
  readonly flow: Flow;
  readonly #host: ServerTransactionHost;
  readonly #timers: NonInviteTimers;
  #state: ServerState = "trying";
  #last: Uint8Array | undefined;
  #statusCode: number | undefined;
  #trying: WheelTimer | undefined;
  #giveUp: WheelTimer | undefined;

  constructor(host: ServerTransactionHost, timers: NonInviteTimers, key: string, request: SipRequest, flow: Flow) {
    this.#host = host;
    this.#timers = timers;
    this.key = key;
    this.request = request;
    this.flow = flow;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** False once a final response was given: another one would go nowhere. */
  get open(): boolean {
    return this.#state === "trying" || this.#state === "proceeding";
  }

  /** Of the final response; undefined until there is one. */
  get statusCode(): number | undefined {
    return this.#statusCode;
  }

  /** Called when the user did not answer at once: from now on the time matters. */
  waitForUser(): void {
    if (!this.open) return;
    this.#trying = this.#host.wheel.timer(() => this.#step("tryingDue"));
    this.#giveUp = this.#host.wheel.timer(() => this.#step("giveUp"));
    this.#host.wheel.start(this.#trying, this.#timers.tryingMs);
    this.#host.wheel.start(this.#giveUp, this.#timers.giveUpMs);
  }

  /** Answers with a response made from the request: Via, From, To with a tag, Call-ID and CSeq are there. */
  reply(statusCode: number, init?: ResponseInit): void {
    if (this.open) this.respond(responseTo(this.request, statusCode, init));
  }

  /**
   * Sends a response that is already made. After a final one, further calls do nothing; nor does what RFC 4320 §4.1
   * forbids: a provisional one other than 100, and over UDP a 100 before the transaction sends it by itself.
   */
  respond(response: SipResponse): void {
    if (!this.open || (!response.isFinal && !this.#maySend(response.statusCode))) return;
    this.#last = response.encode();
    if (response.isFinal) this.#statusCode = response.statusCode;
    this.#step(response.isFinal ? "final" : "provisional");
  }

  #maySend(statusCode: number): boolean {
    return statusCode === 100 && transports[this.flow.transport].reliable;
  }

  /** The same request again. */
  retransmission(): void {
    this.#step("request");
  }

  transportError(): void {
    this.#step("transportError");
  }

  #step(event: ServerEvent): void {
    const row = nonInviteServer[this.#state][event];
    if (row === undefined) return;
    this.#state = row.next;
    for (const action of row.actions) this.#perform(action);
  }

  #perform(action: ServerAction): void {
    switch (action) {
      case "send100":
        this.#last = responseTo(this.request, 100).encode();
        this.#host.sendResponse(this.#last, this);
        return;
      case "send":
      case "resend":
        if (this.#last !== undefined) this.#host.sendResponse(this.#last, this);
        return;
      case "stopTimers":
        if (this.#trying !== undefined) this.#host.wheel.stop(this.#trying);
        if (this.#giveUp !== undefined) this.#host.wheel.stop(this.#giveUp);
        return;
      case "startJ":
        if (this.#last !== undefined) this.#host.completed(this, this.#last);
        return;
      case "abandon":
        this.#host.abandoned(this);
        return;
      default:
        action satisfies never;
    }
  }
}
