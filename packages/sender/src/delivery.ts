import {
  type DeliveryResult,
  isRetryable,
  type MessageState,
  type PapCode,
  type PushMessage,
  type PushRequestFactory,
  papCodes,
  type Representation,
} from "@sip-push/push";
import {
  type Clock,
  decodeText,
  newCallId,
  newTag,
  type RequestSender,
  type SendOptions,
  type SendOutcome,
} from "@sip-push/sip";
import type { Closing } from "./closing.ts";
import {
  type DeliveryEvent,
  type DeliveryGuard,
  type DeliveryState,
  type DeliveryStep,
  deliveryMachine,
} from "./delivery.machine.ts";
import { Expiry } from "./expiry.ts";
import { type PushOutcome, type RetryOptions, retryDelayMs } from "./outcome.ts";
import { nextRepresentation, withoutUnsupported } from "./re-offer.ts";
import type { Recipient } from "./recipient.ts";
import type { RecipientQueue } from "./recipient-queue.ts";
import { Redirections } from "./redirection.ts";
import { failureResult, type Result, responseResult } from "./result.ts";

/** What all deliveries of one sender share. */
export interface DeliveryContext {
  readonly clock: Clock;
  readonly requestSender: RequestSender;
  readonly factory: PushRequestFactory;
  /** Next hop and credentials. */
  readonly sendOptions: SendOptions;
  readonly retry: RetryOptions | undefined;
  readonly random: () => number;
  readonly maxBodyBytes: number;
  /** Undefined when requests to one URI may overlap. */
  readonly queue: RecipientQueue | undefined;
  readonly closing: Closing;
  /** The endpoint stays open when the sender closes, so it does not end what is under way. */
  readonly outlived: boolean;
}

/** One push to one recipient. */
export interface DeliveryJob {
  readonly push: PushMessage;
  readonly recipient: Recipient;
  readonly alternatives: readonly Representation[];
  readonly deadline: Date | undefined;
  readonly signal: AbortSignal | undefined;
  /** Clock at the call of `deliver`, in milliseconds. */
  readonly startedMs: number;
}

/** Longest wait of a timer, 25 days: a longer one would fire at once. A Retry-After beyond it is for the caller to honour. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** Performs {@link deliveryMachine}. One Call-ID for all attempts, CSeq growing (RFC 3261 §8.1.3.4, §8.1.3.5). */
export class Delivery {
  readonly #context: DeliveryContext;
  readonly #job: DeliveryJob;
  readonly #callId = newCallId();
  readonly #fromTag = newTag();
  readonly #expiry: Expiry;
  #state: DeliveryState = "queued";
  #hasTurn = false;
  #cseq = 1;
  #attempts = 0;
  #retries = 0;
  #waitMs = 0;
  #requestUri: string;
  #redirections: Redirections | undefined;
  #push: PushMessage;
  #offered: Representation[] | undefined;
  #last: Result | undefined;
  #outcome: PushOutcome | undefined;

  constructor(context: DeliveryContext, job: DeliveryJob) {
    this.#context = context;
    this.#job = job;
    this.#expiry = new Expiry(context.clock, job.deadline);
    this.#push = job.push;
    this.#requestUri = job.recipient.requestUri;
  }

  /** Runs to the end. Never rejects for anything that a peer does. */
  async run(): Promise<PushOutcome> {
    let event: DeliveryEvent = "start";
    try {
      for (;;) {
        if (!this.#hasTurn && (event === "start" || event === "due")) {
          const turn = this.#enter();
          this.#hasTurn = turn === undefined || (await turn) === "entered";
          if (this.#job.signal?.aborted) event = "abort";
        }
        this.#step(event);
        if (this.#outcome !== undefined) return this.#outcome;
        if (this.#state === "sending") event = await this.#send();
        else {
          // Nothing is pending meanwhile (RFC 3428 §8), and who comes next must not wait for a Retry-After of hours.
          this.#leave();
          event = await this.#wait();
        }
      }
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<"entered" | "aborted"> | undefined {
    return this.#context.queue?.enter(this.#job.recipient.requestUri, this.#job.signal);
  }

  #leave(): void {
    if (!this.#hasTurn) return;
    this.#hasTurn = false;
    this.#context.queue?.leave(this.#job.recipient.requestUri);
  }

  /** The outcome when it cannot even be queued. */
  refuse(reason: string): PushOutcome {
    this.#failed("SIP_OVERLOADED", reason, true);
    this.#reportLast();
    return this.#outcome as PushOutcome;
  }

  #step(event: DeliveryEvent): void {
    const transition = deliveryMachine[this.#state][event]?.find(({ guards }) =>
      guards.every((guard) => this.#holds(guard)),
    );
    if (transition === undefined) throw new Error(`no transition for ${event} in ${this.#state}`);
    for (const step of transition.steps) this.#perform(step);
    this.#state = transition.next;
  }

  #holds(guard: DeliveryGuard): boolean {
    switch (guard) {
      case "timeLeft":
        return this.#expiry.timeLeft;
      case "targetLeft":
        return this.#redirections?.left === true && this.#mayTryAnotherTarget();
      case "representationLeft":
        return this.#nextRepresentation() !== undefined;
      case "optionToDrop":
        return this.#withoutUnsupported() !== undefined;
      case "expiresToRaise":
        return this.#expiry.canRaise(this.#minExpires());
      case "retryLeft":
        return this.#retryLeft();
      default:
        return guard satisfies never;
    }
  }

  #perform(step: DeliveryStep): void {
    switch (step) {
      case "takeTarget":
        this.#requestUri = this.#redirections?.take() ?? this.#requestUri;
        return;
      case "takeRepresentation": {
        const next = this.#nextRepresentation();
        if (next !== undefined) this.#offered = [...(this.#offered ?? [this.#job.push]), next];
        return;
      }
      case "dropOptions":
        this.#push = this.#withoutUnsupported() ?? this.#push;
        return;
      case "raiseExpires":
        this.#expiry.raise(this.#minExpires());
        return;
      case "startOver":
        this.#requestUri = this.#job.recipient.requestUri;
        this.#redirections = undefined;
        return;
      case "reportExpired":
        this.#report("expired", papCodes.forbidden, "deliver-before has passed", false);
        return;
      case "reportCancelled":
        this.#report("cancelled", papCodes.userRequest, "cancelled by the caller", false);
        return;
      case "report":
        this.#reportLast();
        return;
      default:
        step satisfies never;
    }
  }

  async #send(): Promise<DeliveryEvent> {
    const { requestSender, factory, sendOptions, closing, outlived } = this.#context;
    const { recipient, signal } = this.#job;
    if (closing.closed) return this.#failed("SIP_CLOSED", "the sender is closed", false);
    const validity = this.#expiry.validity();
    const representation = this.#offered?.at(-1);
    const request = factory.message(this.#push, {
      requestUri: this.#requestUri,
      to: recipient.requestUri,
      callId: this.#callId,
      fromTag: this.#fromTag,
      cseq: this.#cseq,
      ...(validity === undefined ? undefined : { validity }),
      ...(representation === undefined ? undefined : { representation }),
    });
    const sent = requestSender.send(request, signal === undefined ? sendOptions : { ...sendOptions, signal });
    const outcome = await (outlived ? this.#untilClosed(sent) : sent);
    this.#attempts += outcome.attempts;
    return this.#received(outcome);
  }

  #untilClosed(sent: Promise<SendOutcome>): Promise<SendOutcome> {
    const { closing } = this.#context;
    return new Promise((resolve) => {
      const close = (): void =>
        resolve({ kind: "failure", code: "SIP_CLOSED", reason: "the sender is closed", retryable: false, attempts: 1 });
      closing.on(close);
      void sent.then((outcome) => {
        closing.off(close);
        resolve(outcome);
      });
    });
  }

  #received(outcome: SendOutcome): DeliveryEvent {
    if (outcome.kind === "failure") {
      // A challenge may have been answered before it failed; each answer took the next CSeq.
      this.#cseq += Math.max(outcome.attempts, 1);
      return this.#failed(outcome.code, outcome.reason, outcome.retryable);
    }
    const { response } = outcome;
    this.#cseq = response.cseq.seq + 1;
    this.#last = responseResult(response, this.#push, this.#current());
    const { action } = this.#last.row;
    if (action === "follow") {
      this.#redirections ??= new Redirections(this.#job.recipient.requestUri, this.#job.recipient.secure);
      this.#redirections.add(response);
    }
    return action;
  }

  #failed(code: DeliveryResult, reason: string, retryable: boolean): DeliveryEvent {
    this.#last = failureResult(code, reason, retryable);
    return this.#last.row.action;
  }

  #wait(): Promise<DeliveryEvent> {
    const { clock, closing } = this.#context;
    const { signal } = this.#job;
    this.#retries++;
    return new Promise((resolve) => {
      const done = (event: DeliveryEvent): void => {
        timer.cancel();
        signal?.removeEventListener("abort", abort);
        closing.off(close);
        resolve(event);
      };
      const abort = (): void => done("abort");
      const close = (): void => done("close");
      const timer = clock.schedule(this.#waitMs, () => done("due"));
      if (signal?.aborted) {
        abort();
        return;
      }
      signal?.addEventListener("abort", abort, { once: true });
      closing.on(close);
    });
  }

  #minExpires(): number {
    const value = this.#last?.response?.headers.get("Min-Expires") ?? "";
    return /^[0-9]{1,9}$/.test(value) ? Number(value) : 0;
  }

  /** After a 2xx there is nothing left to try, and a 6xx speaks for all targets (RFC 3261 §8.1.3.4, §21.6). */
  #mayTryAnotherTarget(): boolean {
    if (this.#last?.response === undefined) return this.#last !== undefined && isRetryable(this.#last.row);
    const { statusCode } = this.#last.response;
    return statusCode >= 300 && statusCode < 600;
  }

  #retryLeft(): boolean {
    const { retry, random } = this.#context;
    if (retry === undefined || this.#retries >= retry.maxRetries) return false;
    this.#waitMs = retryDelayMs(retry, this.#retries, this.#last?.retryAfterSeconds, random);
    if (this.#waitMs > MAX_TIMER_MS) return false;
    return this.#expiry.allowsWait(this.#waitMs);
  }

  #current(): Representation {
    return this.#offered?.at(-1) ?? this.#job.push;
  }

  #nextRepresentation(): Representation | undefined {
    const response = this.#last?.response;
    if (response === undefined) return undefined;
    const { push, alternatives } = this.#job;
    return nextRepresentation(response, this.#offered ?? [push], [push, ...alternatives], this.#context.maxBodyBytes);
  }

  #withoutUnsupported(): PushMessage | undefined {
    const response = this.#last?.response;
    return response === undefined ? undefined : withoutUnsupported(this.#push, response);
  }

  #reportLast(): void {
    const last = this.#last;
    if (last === undefined) throw new Error("nothing to report");
    const retryable = isRetryable(last.row);
    if (retryable && this.#expiry.passed) {
      this.#report("expired", last.row.papCode, `deliver-before has passed; last: ${last.reason}`, false);
    } else this.#report(last.row.messageState, last.row.papCode, last.reason, retryable);
  }

  #report(messageState: MessageState, papCode: PapCode, reason: string, retryable: boolean): void {
    const response = this.#last?.response;
    this.#outcome = {
      to: this.#job.recipient.to,
      messageState,
      papCode,
      sipStatus: response?.statusCode ?? null,
      sipReason: response === undefined ? null : decodeText(response.reason),
      reason,
      retryable,
      retryAfterSeconds: retryable ? this.#last?.retryAfterSeconds : undefined,
      attempts: this.#attempts,
      elapsedMs: Math.round(this.#context.clock.now() - this.#job.startedMs),
      callId: this.#callId,
    };
  }
}
