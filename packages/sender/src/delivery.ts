import type { DeliveryResult, ImdnDisposition, ReportRequestInit } from "@sip-push/push";
import {
  type DeliveryEvent,
  type DeliveryGuard,
  type DeliveryState,
  type DeliveryStep,
  deliveryMachine,
} from "./delivery.machine.ts";
import { type AttemptOutcome, DeliveryAttempts } from "./delivery-attempts.ts";
import type { DeliveryContext, DeliveryJob } from "./delivery-job.ts";
import { type DeliveryMethod, DeliveryMethods } from "./delivery-methods.ts";
import { DeliveryOffer } from "./delivery-offer.ts";
import { cancelledVerdict, expiredVerdict, type OutcomeVerdict, outcomeFrom, verdictOf } from "./delivery-outcome.ts";
import { DeliveryReport } from "./delivery-report.ts";
import { Retries } from "./delivery-retries.ts";
import { DeliveryWaits, type WaitingState } from "./delivery-waits.ts";
import { Expiry } from "./expiry.ts";
import type { PushAlternative } from "./offer-choice.ts";
import type { PushOutcome } from "./outcome.ts";
import { Targets } from "./redirection.ts";
import {
  failureResult,
  isAccepted,
  mayTryAnotherTarget,
  minExpiresOf,
  notifyAction,
  type Result,
  reportResult,
  responseResult,
} from "./result.ts";

const NOT_SUBSCRIBED = "the recipient has no subscription to this application";

/** One push to one recipient: performs {@link deliveryMachine}. */
export class Delivery {
  readonly #context: DeliveryContext;
  readonly #job: DeliveryJob;
  readonly #attempts: DeliveryAttempts;
  readonly #expiry: Expiry;
  readonly #offer: DeliveryOffer;
  readonly #targets: Targets;
  /** Undefined when none is asked for, or it is for the report book. */
  readonly #report: DeliveryReport | undefined;
  #state: DeliveryState = "queued";
  #hasTurn = false;
  /** Most pushes never wait, and are never tried again. */
  #waits: DeliveryWaits | undefined;
  #retries: Retries | undefined;
  #methods: DeliveryMethods | undefined;
  /** The way of the last attempt. */
  #method: DeliveryMethod | undefined;
  /** Clock at the last attempt. */
  #sentMs = 0;
  /** Number of the last subscription then. */
  #sentAfter = 0;
  #last: Result | undefined;
  #outcome: PushOutcome | undefined;

  constructor(context: DeliveryContext, job: DeliveryJob) {
    this.#context = context;
    this.#job = job;
    this.#attempts = new DeliveryAttempts(context, job);
    this.#expiry = new Expiry(context.clock, job.deadline);
    this.#offer = new DeliveryOffer(job.push, job.alternatives);
    const awaitsReport = job.push.report === "receiver" && job.chain === undefined;
    this.#report = awaitsReport ? new DeliveryReport(context, job) : undefined;
    this.#targets = new Targets(job.recipient);
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
          event = await this.#wait(this.#state as WaitingState);
        }
      }
    } finally {
      this.#leave();
      this.#report?.cancel();
    }
  }

  /** The outcome when it cannot even be queued. */
  refuse(reason: string): PushOutcome {
    this.#last = failureResult("SIP_OVERLOADED", reason, true);
    return this.#end(verdictOf(this.#last, this.#expiry));
  }

  #enter(): Promise<"entered" | "aborted"> | undefined {
    return this.#context.queue?.enter(this.#job.recipient.requestUri, this.#job.signal);
  }

  #leave(): void {
    if (!this.#hasTurn) return;
    this.#hasTurn = false;
    this.#context.queue?.leave(this.#job.recipient.requestUri);
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
      case "unknown":
        return this.#context.services.questions?.mayAsk(this.#job.recipient.requestUri) === true;
      case "timeLeft":
        return this.#expiry.timeLeft;
      case "targetLeft":
        return this.#targets.left && this.#last !== undefined && mayTryAnotherTarget(this.#last);
      case "representationLeft":
        return this.#nextForm() !== undefined;
      case "optionToDrop":
        return this.#last?.response !== undefined && this.#offer.withoutUnsupported(this.#last.response) !== undefined;
      case "expiresToRaise":
        return this.#expiry.canRaise(minExpiresOf(this.#last?.response));
      case "retryLeft":
        this.#retries ??= new Retries(this.#context);
        return this.#retries.plan(this.#last, this.#expiry);
      case "methodLeft":
        return this.#methods?.left === true;
      case "reportWanted":
        return this.#report?.expected === true && this.#last?.response !== undefined && isAccepted(this.#last.response);
      case "mayRegister":
        return this.#last !== undefined && this.#offlineLeftMs() > 0 && this.#waiting.isAbsent(this.#last);
      default:
        return guard satisfies never;
    }
  }

  #perform(step: DeliveryStep): void {
    switch (step) {
      case "takeTarget":
        this.#targets.take();
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
        this.#expiry.raise(minExpiresOf(this.#last?.response));
        return;
      case "takeMethod":
        this.#methods?.take();
        this.#targets.startOver();
        return;
      case "startOver":
        this.#methods = undefined;
        this.#targets.startOver();
        return;
      case "reportExpired":
        this.#end(expiredVerdict);
        return;
      case "reportCancelled":
        this.#end(cancelledVerdict);
        return;
      case "report":
        if (this.#last !== undefined) this.#end(verdictOf(this.#last, this.#expiry));
        return;
      default:
        step satisfies never;
    }
  }

  async #send(): Promise<DeliveryEvent> {
    const { closing, clock, services } = this.#context;
    const { recipient } = this.#job;
    if (closing.closed) return this.#failed("SIP_CLOSED", "the sender is closed", false);
    this.#sentMs = clock.now();
    this.#sentAfter = services.subscriptions.latest;
    if (this.#methods === undefined) {
      this.#methods = this.#findMethods();
      this.#offer.choose(services.capabilities, recipient.requestUri, this.#methods);
    }
    const method = this.#methods.current;
    this.#method = method;
    if (method === undefined) return this.#failed("SIP_NO_SUBSCRIPTION", NOT_SUBSCRIBED, false);
    if (this.#report?.open() === false) return this.#failed("SIP_OVERLOADED", "too many reports are waited for", true);
    this.#report?.alsoFrom(this.#targets.current);
    this.#offer.fit(method);
    const outcome = await this.#attempts.send({
      method,
      requestUri: this.#targets.current,
      offer: this.#offer,
      validity: this.#expiry.validity(),
      notAfter: this.#job.deadline,
      report: this.#report?.request ?? this.#bookedReport(),
    });
    this.#attempts.ended(method, outcome);
    return this.#received(outcome, method);
  }

  /** The request for a report that the book takes. */
  #bookedReport(): ReportRequestInit | undefined {
    const { chain, push } = this.#job;
    if (chain === undefined || push.report !== "receiver") return undefined;
    const request = { messageId: chain.callId, sentAt: this.#context.clock.date() };
    return push.reportDispositions === undefined ? request : { ...request, dispositions: push.reportDispositions };
  }

  #findMethods(): DeliveryMethods {
    const { recipient, via, push } = this.#job;
    const { subscriptions } = this.#context.services;
    return new DeliveryMethods(
      via,
      via === "message" ? [] : subscriptions.find(recipient.requestUri, push.applicationId),
    );
  }

  #received(outcome: AttemptOutcome, method: DeliveryMethod): DeliveryEvent {
    const response = outcome.kind === "response" ? outcome.response : undefined;
    if (outcome.kind === "failure") this.#failed(outcome.code, outcome.reason, outcome.retryable);
    else this.#last = responseResult(outcome.response, this.#offer.push, this.#offer.representation);
    const over = "subscriptionEnded" in outcome && outcome.subscriptionEnded;
    if (over) this.#note("the subscription is over");
    // The handset itself says that it has the push: whatever else came, or did not, matters no more.
    if (this.#report?.disposition === "delivered") return this.#reported("delivered");
    const action = this.#last?.row.action ?? "finish";
    if (response !== undefined && response.statusCode >= 400) {
      this.#offer.learn(this.#context.services.capabilities, this.#job.recipient.requestUri, response, method);
    }
    if (method.kind === "notify") return notifyAction(action, outcome, this.#methods?.left === true);
    if (response !== undefined && action === "follow") this.#targets.add(response);
    return action;
  }

  async #wait(state: WaitingState): Promise<DeliveryEvent> {
    if (state === "waiting") this.#retries?.take();
    const end = await this.#waiting.until(state, {
      waitMs: this.#retries?.waitMs ?? 0,
      offlineMs: Math.min(this.#offlineLeftMs(), this.#expiry.leftMs),
      sinceMs: this.#sentMs,
      afterSubscription: this.#sentAfter,
      applicationId: this.#offer.push.applicationId,
      last: this.#last,
    });
    if (end.event === "reported") return this.#reported(end.as);
    if (end.event === "overdue") {
      this.#note(end.reason);
      this.#noteProcessing();
    }
    return end.event;
  }

  get #waiting(): DeliveryWaits {
    this.#waits ??= new DeliveryWaits(this.#context, this.#job, this.#report);
    return this.#waits;
  }

  #reported(as: ImdnDisposition | "missing"): DeliveryEvent {
    this.#last = reportResult(as, this.#last?.response);
    if (as === "missing") this.#noteProcessing();
    return "reported";
  }

  /** Adds to what people read about the last result. */
  #note(what: string): void {
    if (this.#last !== undefined) this.#last = { ...this.#last, reason: `${this.#last.reason}; ${what}` };
  }

  #noteProcessing(): void {
    const processing = this.#report?.processing ?? null;
    if (processing !== null) this.#note(`an intermediary says ${processing}`);
  }

  #failed(code: DeliveryResult, reason: string, retryable: boolean): DeliveryEvent {
    this.#last = failureResult(code, reason, retryable);
    return this.#last.row.action;
  }

  #offlineLeftMs(): number {
    const { offlineWaitMs, startedMs } = this.#job;
    return startedMs + offlineWaitMs - this.#context.clock.now();
  }

  #nextForm(): PushAlternative | undefined {
    const response = this.#last?.response;
    if (response === undefined || this.#method === undefined) return undefined;
    return this.#offer.next(response, this.#method, this.#context.maxBodyBytes);
  }

  #end(verdict: OutcomeVerdict): PushOutcome {
    this.#outcome = outcomeFrom(verdict, this.#last, {
      to: this.#job.recipient.to,
      attempts: this.#attempts.count,
      elapsedMs: Math.round(this.#context.clock.now() - this.#job.startedMs),
      // A NOTIFY has that of its dialog, and so has the receiver's event.
      callId: (this.#method?.kind === "notify" ? this.#last?.response?.callId : undefined) ?? this.#attempts.callId,
      via: this.#method?.kind ?? null,
      report: this.#report?.disposition ?? null,
    });
    return this.#outcome;
  }
}
