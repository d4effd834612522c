import {
  type DeliveryResult,
  type ImdnDisposition,
  isRetryable,
  type MessageState,
  type PapCode,
  type PushMessage,
  type PushRequestFactory,
  papCodes,
  type ReportRequestInit,
} from "@sip-push/push";
import {
  type Clock,
  decodeText,
  type NotifyOutcome,
  newCallId,
  newTag,
  type RequestSender,
  type SendOptions,
  type SendOutcome,
  type SipResponse,
} from "@sip-push/sip";
import type { Closing } from "./closing.ts";
import {
  type DeliveryEvent,
  type DeliveryGuard,
  type DeliveryState,
  type DeliveryStep,
  deliveryMachine,
} from "./delivery.machine.ts";
import { Absence } from "./delivery-absence.ts";
import { type DeliveryMethod, DeliveryMethods } from "./delivery-methods.ts";
import { DeliveryOffer } from "./delivery-offer.ts";
import { ReportWait } from "./delivery-report.ts";
import { Expiry } from "./expiry.ts";
import type { PushAlternative } from "./offer-choice.ts";
import type { DeliveryVia } from "./options.ts";
import { type PushOutcome, type RetryOptions, retryDelayMs } from "./outcome.ts";
import { pause } from "./pause.ts";
import type { Recipient } from "./recipient.ts";
import type { RecipientQueue } from "./recipient-queue.ts";
import { Redirections } from "./redirection.ts";
import { failureResult, isAccepted, type Result, reportResult, responseResult } from "./result.ts";
import type { SenderServices } from "./sender-services.ts";

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
  readonly services: Pick<SenderServices, "subscriptions" | "registrations" | "reports" | "capabilities" | "presence">;
  /** The endpoint stays open when the sender closes, so it does not end what is under way. */
  readonly outlived: boolean;
}

/** One push to one recipient. */
export interface DeliveryJob {
  readonly push: PushMessage;
  readonly recipient: Recipient;
  readonly alternatives: readonly PushAlternative[];
  readonly deadline: Date | undefined;
  readonly signal: AbortSignal | undefined;
  readonly via: DeliveryVia;
  /** How long to wait for a handset that is not there; 0: not. */
  readonly offlineWaitMs: number;
  /** How long to wait for the delivery report, from the final response on. */
  readonly reportWaitMs: number;
  /** Clock at the call of `deliver`, in milliseconds. */
  readonly startedMs: number;
}

type AttemptOutcome = SendOutcome | NotifyOutcome;

const NOT_SUBSCRIBED = "the recipient has no subscription to this application";

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
  readonly #offer: DeliveryOffer;
  readonly #absence: Absence;
  #methods: DeliveryMethods | undefined;
  /** The way of the last attempt. */
  #method: DeliveryMethod | undefined;
  #reportWait: ReportWait | undefined;
  /** Clock at the last attempt. */
  #sentMs = 0;
  #last: Result | undefined;
  #outcome: PushOutcome | undefined;

  constructor(context: DeliveryContext, job: DeliveryJob) {
    this.#context = context;
    this.#job = job;
    this.#expiry = new Expiry(context.clock, job.deadline);
    this.#offer = new DeliveryOffer(job.push, job.alternatives);
    this.#absence = new Absence(context.services, job.via);
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
          event = await this.#wait(this.#state);
        }
      }
    } finally {
      this.#leave();
      this.#reportWait?.cancel();
    }
  }

  #wait(state: DeliveryState): Promise<DeliveryEvent> {
    switch (state) {
      case "waiting":
        this.#retries++;
        return pause(this.#context.clock, this.#waitMs, { signal: this.#job.signal, closing: this.#context.closing });
      case "offline":
        return this.#untilThere();
      case "reporting":
        return this.#untilReported();
      default:
        throw new Error(`nothing to wait for in ${state}`);
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
        return this.#nextForm() !== undefined;
      case "optionToDrop":
        return this.#last?.response !== undefined && this.#offer.withoutUnsupported(this.#last.response) !== undefined;
      case "expiresToRaise":
        return this.#expiry.canRaise(this.#minExpires());
      case "retryLeft":
        return this.#retryLeft();
      case "methodLeft":
        return this.#methods?.left === true;
      case "reportWanted":
        return this.#reportWait !== undefined && this.#last?.response !== undefined && isAccepted(this.#last.response);
      case "mayRegister":
        return this.#last !== undefined && this.#offlineLeftMs() > 0 && this.#absence.explains(this.#last);
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
        const next = this.#nextForm();
        if (next !== undefined) this.#offer.take(next);
        return;
      }
      case "dropOptions":
        if (this.#last?.response !== undefined) this.#offer.dropUnsupported(this.#last.response);
        return;
      case "raiseExpires":
        this.#expiry.raise(this.#minExpires());
        return;
      case "takeMethod":
        this.#methods?.take();
        return;
      case "startOver":
        this.#requestUri = this.#job.recipient.requestUri;
        this.#redirections = undefined;
        this.#methods = undefined;
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
    const { closing, clock, outlived, services } = this.#context;
    const { recipient } = this.#job;
    if (closing.closed) return this.#failed("SIP_CLOSED", "the sender is closed", false);
    this.#sentMs = clock.now();
    this.#methods ??= this.#findMethods();
    this.#offer.choose(services.capabilities, recipient.requestUri, this.#methods);
    this.#method = this.#methods.current;
    if (this.#method === undefined) return this.#failed("SIP_NO_SUBSCRIPTION", NOT_SUBSCRIBED, false);
    if (!this.#expectReport()) return this.#failed("SIP_OVERLOADED", "too many delivery reports are waited for", true);
    const sent = this.#method.kind === "message" ? this.#message() : this.#notify(this.#method.subscriptionId);
    const outcome = await (outlived ? this.#untilClosed(sent) : sent);
    this.#attempts += outcome.attempts;
    return this.#received(outcome);
  }

  #findMethods(): DeliveryMethods {
    const { recipient, via, push } = this.#job;
    const found =
      via === "message" ? [] : this.#context.services.subscriptions.find(recipient.requestUri, push.applicationId);
    return new DeliveryMethods(via, found);
  }

  /** False when there is no room for one more. */
  #expectReport(): boolean {
    const { recipient, push, signal, reportWaitMs: waitMs } = this.#job;
    if (push.report !== "receiver" || this.#reportWait !== undefined) return true;
    const { services, clock } = this.#context;
    this.#reportWait = ReportWait.open(services.reports, { recipient: recipient.requestUri, signal, waitMs }, clock);
    return this.#reportWait !== undefined;
  }

  #message(): Promise<SendOutcome> {
    const { requestSender, factory, sendOptions } = this.#context;
    const { recipient, signal } = this.#job;
    const validity = this.#expiry.validity();
    const { representation } = this.#offer;
    const report = this.#reportRequest();
    const request = factory.message(this.#offer.push, {
      requestUri: this.#requestUri,
      to: recipient.requestUri,
      callId: this.#callId,
      fromTag: this.#fromTag,
      cseq: this.#cseq,
      ...(validity === undefined ? undefined : { validity }),
      ...(representation === undefined ? undefined : { representation }),
      ...(report === undefined ? undefined : { report }),
    });
    return requestSender.send(request, signal === undefined ? sendOptions : { ...sendOptions, signal });
  }

  #reportRequest(): ReportRequestInit | undefined {
    if (this.#reportWait === undefined) return undefined;
    const { messageId } = this.#reportWait;
    const { reportDispositions: dispositions } = this.#job.push;
    return { messageId, sentAt: this.#context.clock.date(), ...(dispositions === undefined ? {} : { dispositions }) };
  }

  #notify(subscriptionId: string): Promise<NotifyOutcome> {
    const { factory, services } = this.#context;
    const { recipient, signal } = this.#job;
    const report = this.#reportRequest();
    const { representation } = this.#offer;
    const notification = factory.notification(this.#offer.push, {
      to: recipient.requestUri,
      ...(representation === undefined ? undefined : { representation }),
      ...(report === undefined ? undefined : { report }),
    });
    return services.subscriptions.notify(subscriptionId, notification, signal);
  }

  #untilClosed(sent: Promise<AttemptOutcome>): Promise<AttemptOutcome> {
    const { closing } = this.#context;
    const failure = { kind: "failure", code: "SIP_CLOSED", reason: "the sender is closed", retryable: false } as const;
    return new Promise((resolve) => {
      const close = (): void => resolve({ ...failure, attempts: 1, subscriptionEnded: false });
      closing.on(close);
      void sent.then((outcome) => {
        closing.off(close);
        resolve(outcome);
      });
    });
  }

  #received(outcome: AttemptOutcome): DeliveryEvent {
    // The handset itself says that it has the push: whatever else came, or did not, matters no more.
    if (this.#reportWait?.disposition === "delivered") return this.#reported("delivered", outcome);
    const isMessage = this.#method?.kind === "message";
    if (outcome.kind === "failure") {
      // A challenge may have been answered before it failed; each answer took the next CSeq.
      if (isMessage) this.#cseq += Math.max(outcome.attempts, 1);
      return this.#failed(outcome.code, outcome.reason, outcome.retryable);
    }
    const { response } = outcome;
    if (isMessage) this.#cseq = response.cseq.seq + 1;
    this.#last = responseResult(response, this.#offer.push, this.#offer.representation ?? this.#offer.push);
    const { action } = this.#last.row;
    if (response.statusCode >= 400) {
      const { capabilities } = this.#context.services;
      this.#offer.learn(capabilities, this.#job.recipient.requestUri, response, isMessage ? "MESSAGE" : "NOTIFY");
    }
    if (action === "follow") this.#redirect(response);
    return action;
  }

  #redirect(response: SipResponse): void {
    const { requestUri, secure } = this.#job.recipient;
    this.#redirections ??= new Redirections(requestUri, secure);
    this.#redirections.add(response);
  }

  async #untilThere(): Promise<DeliveryEvent> {
    const { recipient, signal } = this.#job;
    const { event, reason } = await this.#absence.end({
      recipient: recipient.requestUri,
      applicationId: this.#offer.push.applicationId,
      waitMs: Math.min(this.#offlineLeftMs(), this.#expiry.leftMs),
      sinceMs: this.#sentMs,
      signal,
    });
    if (event === "overdue" && this.#last !== undefined) {
      this.#last = { ...this.#last, reason: `${this.#last.reason}; ${reason}` };
    }
    return event;
  }

  async #untilReported(): Promise<DeliveryEvent> {
    const end = await this.#reportWait?.end();
    if (end === "abort" || end === "close") return end;
    // A relay that took it said no more than that, and that stands; a handset that took it was asked for more.
    if (end === undefined || (end === "missing" && this.#last?.response?.statusCode === 202)) return "overdue";
    return this.#reported(end);
  }

  #reported(disposition: ImdnDisposition | "missing", outcome?: AttemptOutcome): DeliveryEvent {
    const response = outcome?.kind === "response" ? outcome.response : this.#last?.response;
    this.#last = reportResult(disposition, response);
    return this.#last.row.action;
  }

  #failed(code: DeliveryResult, reason: string, retryable: boolean): DeliveryEvent {
    this.#last = failureResult(code, reason, retryable);
    return this.#last.row.action;
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

  #offlineLeftMs(): number {
    const { offlineWaitMs, startedMs } = this.#job;
    return startedMs + offlineWaitMs - this.#context.clock.now();
  }

  #retryLeft(): boolean {
    const { retry, random } = this.#context;
    if (retry === undefined || this.#retries >= retry.maxRetries) return false;
    this.#waitMs = retryDelayMs(retry, this.#retries, this.#last?.retryAfterSeconds, random);
    if (this.#waitMs > MAX_TIMER_MS) return false;
    return this.#expiry.allowsWait(this.#waitMs);
  }

  #nextForm(): PushAlternative | undefined {
    const response = this.#last?.response;
    return response === undefined ? undefined : this.#offer.next(response, this.#context.maxBodyBytes);
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
      via: this.#method?.kind ?? null,
      report: this.#reportWait?.disposition ?? null,
    };
  }
}
