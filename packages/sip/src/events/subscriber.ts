import { type Dialog, dialogFromRequest } from "../dialog/index.ts";
import { newCallId, newTag, paramValue, type SipRequest } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { Flow } from "../transport/transport.ts";
import type { SendOutcome } from "../user-agent/request-sender.ts";
import { type EventHeader, eventsMatch, parseEvent } from "./event-header.ts";
import { NotifyAnswers, reply } from "./notify-answer.ts";
import { RetryWait } from "./retry-wait.ts";
import { EVENT_OF_RETRY, failed, judgeSubscribe, type Loss, NO_LOSS, reportOf } from "./subscribe-outcome.ts";
import {
  initialSubscribe,
  refreshSubscribe,
  type SubscriptionNames,
  secondsIn,
  sendOptions,
} from "./subscribe-request.ts";
import { type SubscriberAction, type SubscriberEvent, type SubscriberState, subscriber } from "./subscriber.machine.ts";
import type { SubscriberHost } from "./subscriber-host.ts";
import type { NotificationAnswer, SubscriberOptions, SubscriptionReport } from "./subscriber-options.ts";
import type { SubscriptionStateHeader } from "./subscription-state.ts";
import { SubscriptionTimes } from "./subscription-times.ts";
import { endsSubscription, ruleOfReason } from "./verdicts.ts";

/** What lasted so long was good: its loss is answered at once, and waits begin anew. */
const STABLE_MS = 32_000;
/** CSeq numbers that a SUBSCRIBE that was given up may have used beyond its own, for answers to challenges. */
const SEQ_MARGIN = 16;

/** One subscription of ours: performs the actions of {@link subscriber}. Made by `Subscribers.subscribe`. */
export class Subscriber {
  readonly #host: SubscriberHost;
  readonly #options: SubscriberOptions;
  readonly #event: EventHeader;
  readonly #answers: NotifyAnswers;
  readonly #wait: RetryWait;
  readonly #times: SubscriptionTimes;
  #state: SubscriberState = "idle";
  #names: SubscriptionNames | undefined;
  #dialog: Dialog | undefined;
  /** CSeq number of the last SUBSCRIBE outside a dialog. */
  #cseq = 0;
  #askedSeconds: number;
  #establishedAtMs: number | undefined;
  #lastAgainMs = Number.NEGATIVE_INFINITY;
  #lastFlowLossMs = Number.NEGATIVE_INFINITY;
  #raised = false;
  #retryInMs = 0;
  #loss: Loss = NO_LOSS;
  #abort: AbortController | undefined;
  #outcome: SendOutcome | undefined;
  #flow: Flow | undefined;
  #unwatchFlow: (() => void) | undefined;
  /** The answer to the NOTIFY with the highest CSeq, for one that comes again by another way. */
  #lastAnswer: { readonly seq: number; answer: NotificationAnswer | undefined } | undefined;
  readonly #stopped: Array<() => void> = [];

  /** @throws {SipParseError} for an Event value that is none. */
  constructor(host: SubscriberHost, options: SubscriberOptions) {
    this.#host = host;
    this.#options = options;
    this.#event = parseEvent(options.event);
    this.#askedSeconds = options.expiresSeconds ?? 3600;
    const { clock, logger } = host.endpoint;
    this.#answers = new NotifyAnswers(options, clock, logger);
    this.#wait = new RetryWait(options, host.random);
    this.#times = new SubscriptionTimes(host.wheel, host.timerNMs, options.expiresSeconds === 0, {
      due: () => (this.#state === "waiting" ? this.#step("retryDue") : this.#refresh("refreshDue")),
      expired: () => this.#lose("expired", failed(null, "it ran out before it was refreshed")),
      timerN: () => this.#lose("timerN", failed(null, "no NOTIFY within 64*T1")),
    });
  }

  get state(): SubscriberState {
    return this.#state;
  }

  /** The dialog with the notifier; undefined until the first NOTIFY came, and after it is gone. */
  get dialog(): Dialog | undefined {
    return this.#dialog;
  }

  /** @internal */
  start(): void {
    this.#step("start");
  }

  /** Subscribes now when it waits to try again: a registration came back, say. Otherwise nothing happens. */
  retryNow(): void {
    if (this.#state !== "waiting") return;
    this.#times.stopDue();
    this.#step("retryDue");
  }

  /** Asks for the state anew, by a refresh (§4.1.2.2): documents of it are missing, say. Nothing happens while one is under way. */
  refresh(): void {
    if (this.#state !== "pending" && this.#state !== "active") return;
    this.#times.stopDue();
    this.#step("refreshDue");
  }

  /** Unsubscribes. Resolves when the last NOTIFY came, or after `timeoutMs`. Idempotent; nothing is left running. */
  async stop(timeoutMs = 900): Promise<void> {
    if (this.#state === "ended") return;
    const timer = this.#host.endpoint.clock.schedule(timeoutMs, () => this.#step("giveUp"));
    await new Promise<void>((resolve) => {
      this.#stopped.push(resolve);
      this.#loss = NO_LOSS;
      this.#step("stop");
    });
    timer.cancel();
  }

  /** The flow of the last answer: its end is the end of the way NOTIFYs come. */
  #useFlow(flow: Flow | undefined): void {
    if (flow === this.#flow) return;
    this.#unwatchFlow?.();
    this.#flow = flow;
    this.#unwatchFlow = flow && this.#host.endpoint.watchFlow(flow, () => this.#flowClosed());
  }

  #flowClosed(): void {
    this.#flow = undefined;
    this.#unwatchFlow = undefined;
    const now = this.#host.wheel.now();
    const again = now - this.#lastFlowLossMs < STABLE_MS;
    this.#lastFlowLossMs = now;
    if (again) this.#lose("flowLostAgain", failed(null, "the connection was lost again soon after it was made"));
    else this.#refresh("flowLost");
  }

  /** Not while its NOTIFY would go where the subscriber is no more, for that would end the subscription (§4.2.2). */
  #refresh(event: "flowLost" | "refreshDue"): void {
    if (this.#options.reachable?.() === false) this.#lose("flowLostAgain", failed(null, "it is not reachable now"));
    else this.#step(event);
  }

  /** @internal A NOTIFY to our tag, its Event and Subscription-State read. */
  receive(transaction: ServerTransaction, event: EventHeader, told: SubscriptionStateHeader): void {
    const { request } = transaction;
    const refusal = this.#admit(request, transaction.flow, event);
    if (typeof refusal === "object") return reply(transaction, refusal);
    if (refusal === "again") return reply(transaction, this.#lastAnswer?.answer ?? { statusCode: 500 });
    const kept = { seq: request.cseq.seq, answer: undefined as NotificationAnswer | undefined };
    this.#lastAnswer = kept;
    const dialog = this.#dialog;
    const last = told.state === "terminated";
    // Over with its answer: the application may take its time over it.
    if (last) this.#times.stopAll();
    else this.#noteState(told);
    this.#answers.ask(
      {
        event,
        subscriptionState: told,
        contentType: request.headers.get("Content-Type") ?? null,
        body: request.body,
        request,
        flow: transaction.flow,
      },
      (answer) => {
        kept.answer = answer;
        reply(transaction, answer);
        if (dialog !== this.#dialog) return;
        if (last) this.#terminated(told);
        // The notifier takes it for the end (§4.2.2), and so do we.
        else if (endsSubscription(answer.statusCode)) {
          this.#lose("later", failed(null, `a NOTIFY was answered ${answer.statusCode}`));
        }
      },
    );
  }

  /** What speaks against a NOTIFY; "new" when nothing does: it is of our dialog, or makes it (§4.4.1). */
  #admit(request: SipRequest, flow: Flow, event: EventHeader): "new" | "again" | NotificationAnswer {
    const localTag = paramValue(request.to.params, "tag");
    if (this.#names === undefined || request.callId !== this.#names.callId) return { statusCode: 481 };
    if (event.package !== this.#event.package) return { statusCode: 489 };
    if (!eventsMatch(event, this.#event)) return { statusCode: 481 };
    if (this.#dialog === undefined) {
      const made = dialogFromRequest(request, this.#names.fromTag, flow, this.#cseq);
      if (made.dialog === undefined) return { statusCode: 400, reason: made.problem };
      this.#dialog = made.dialog;
      return "new";
    }
    const remoteTag = paramValue(request.from.params, "tag");
    // A second dialog: the SUBSCRIBE was forked (§5.4.9).
    if (!this.#dialog.holds(request.callId, localTag, remoteTag)) return { statusCode: 481 };
    const order = this.#dialog.receive(request);
    if (order === "old") return { statusCode: 500 };
    if (order === "again") return "again";
    const problem = this.#dialog.refreshTarget(request);
    return problem === undefined ? "new" : { statusCode: 400, reason: problem };
  }

  #noteState({ state, expiresSeconds }: SubscriptionStateHeader): void {
    // A notifier must not lengthen it so (§4.2.2): to be refreshed too early does no harm, too late does.
    if (expiresSeconds !== undefined) this.#times.told(Math.min(expiresSeconds, this.#askedSeconds));
    this.#establishedAtMs ??= this.#host.wheel.now();
    // What an extension says is neither pending nor terminated.
    this.#step(state === "pending" ? "pending" : "active");
  }

  #terminated({ reason, retryAfterSeconds }: SubscriptionStateHeader): void {
    const rule = ruleOfReason(reason);
    const seconds = rule.heedsRetryAfter ? (retryAfterSeconds ?? 0) : 0;
    const loss: Loss = { kind: "terminated", sipStatus: null, reason: reason ?? null, retryAfterSeconds: seconds };
    // Without a wish of the notifier giveup and unknown reasons may be answered at once; we take our time (§4.1.3).
    this.#lose(EVENT_OF_RETRY[rule.retry], loss);
  }

  /** The subscription is gone, or not refreshed: `event` with its cause. */
  #lose(event: SubscriberEvent, loss: Loss): void {
    // What is to end ends because it was stopped.
    if (this.#stopped.length > 0) return this.#step(event);
    this.#loss = loss;
    const now = this.#host.wheel.now();
    if (this.#establishedAtMs !== undefined && now - this.#establishedAtMs >= STABLE_MS) this.#wait.reset();
    this.#establishedAtMs = undefined;
    if (this.#options.expiresSeconds === 0 && event !== "endpointClosed") {
      // A fetch is done with the first end, whatever it is (§4.4.3).
      this.#step("never");
    } else if (event === "again" && now - this.#lastAgainMs < STABLE_MS) {
      // A notifier that ends each subscription at once would be asked without end.
      this.#step("later");
    } else {
      if (event === "again") this.#lastAgainMs = now;
      this.#step(event);
    }
  }

  #step(event: SubscriberEvent): void {
    const row = subscriber[this.#state][event];
    if (row === undefined) return;
    this.#state = row.next;
    for (const action of row.actions) this.#perform(action);
  }

  #perform(action: SubscriberAction): void {
    switch (action) {
      case "subscribe":
        void this.#subscribe(this.#askedSeconds);
        return;
      case "unsubscribe":
        void this.#subscribe(0);
        return;
      case "raiseExpires":
        if (this.#outcome?.kind === "response") {
          this.#askedSeconds = secondsIn(this.#outcome.response.headers, "Min-Expires") ?? this.#askedSeconds;
        }
        return;
      case "noteExpires":
        this.#noteExpires();
        return;
      case "startRefresh":
        this.#times.startRefresh(this.#askedSeconds);
        return;
      case "startRefreshRetry":
        this.#times.startRefreshRetry(this.#wait.take(this.#loss.retryAfterSeconds));
        return;
      case "startRetry":
        this.#retryInMs = this.#wait.take(this.#loss.retryAfterSeconds);
        this.#times.startRetry(this.#retryInMs);
        return;
      case "stopTimerN":
        this.#times.stopTimerN();
        return;
      case "stopTimers":
        this.#times.stopAll();
        return;
      case "forget":
        this.#forget();
        return;
      case "reportState":
        this.#report({
          kind: this.#state === "pending" ? "pending" : "active",
          expiresSeconds: Math.round(this.#times.leftMs / 1000),
        });
        return;
      case "reportLoss":
        this.#reportLoss();
        return;
      case "reportEnded":
        this.#useFlow(undefined);
        this.#reportEnded();
        return;
      default:
        action satisfies never;
    }
  }

  /** Sends a SUBSCRIBE, in the dialog if there is one, and feeds its outcome in. The last one sent counts. */
  async #subscribe(expiresSeconds: number): Promise<void> {
    const { sender } = this.#host;
    if (this.#abort !== undefined) {
      this.#abort.abort();
      this.#dialog?.skip(SEQ_MARGIN);
    }
    const abort = new AbortController();
    this.#abort = abort;
    this.#times.subscribing();
    const inDialog = this.#dialog;
    let outcome: SendOutcome;
    try {
      const request =
        inDialog === undefined
          ? this.#initial(expiresSeconds)
          : refreshSubscribe(this.#options, inDialog, expiresSeconds);
      outcome = await sender.send(request, sendOptions(this.#options, inDialog, abort.signal));
    } catch (error) {
      // What the application gave cannot stand in a request, or its function threw.
      const reason = error instanceof Error ? error.message : String(error);
      outcome = { kind: "failure", code: "SIP_UNRESOLVED", reason, retryable: false, attempts: 0 };
      await Promise.resolve();
    }
    // Answers to challenges used numbers of their own (RFC 3261 §22.2); a gap after failover is harmless.
    const more = Math.max(outcome.attempts - 1, 0);
    if (inDialog === undefined && this.#abort === abort) this.#cseq += more;
    (inDialog ?? this.#dialog)?.skip(more);
    if (this.#abort !== abort) return;
    this.#abort = undefined;
    this.#outcome = outcome;
    if (outcome.kind === "response") this.#useFlow(outcome.flow);
    this.#judge(outcome, inDialog === undefined);
    this.#outcome = undefined;
  }

  #initial(expiresSeconds: number): SipRequest {
    // A try with a longer time after 423 is the same one (RFC 3261 §8.1.3.5).
    if (this.#names === undefined) {
      this.#names = { callId: newCallId(), fromTag: newTag() };
      this.#cseq = 0;
      this.#host.enter(this.#names.fromTag, this);
    }
    return initialSubscribe(this.#options, this.#names, ++this.#cseq, expiresSeconds);
  }

  #judge(outcome: SendOutcome, initial: boolean): void {
    const { event, loss } = judgeSubscribe(outcome, {
      initial,
      notified: this.#dialog !== undefined,
      askedSeconds: this.#askedSeconds,
      raised: this.#raised,
    });
    this.#raised = event === "tooBrief";
    if (loss !== undefined) return this.#lose(event, loss);
    if (!initial && outcome.kind === "response") this.#dialog?.refreshTarget(outcome.response);
    this.#step(event);
  }

  /** Expires of the 2xx: it may be shorter than what was asked for, not longer (§4.1.2.1). */
  #noteExpires(): void {
    if (this.#outcome?.kind !== "response") return;
    const seconds = secondsIn(this.#outcome.response.headers, "Expires") ?? this.#askedSeconds;
    this.#times.granted(Math.min(seconds, this.#askedSeconds));
  }

  #forget(): void {
    this.#times.forget();
    this.#abort?.abort();
    this.#abort = undefined;
    if (this.#names !== undefined) this.#host.leave(this.#names.fromTag);
    this.#names = undefined;
    this.#dialog = undefined;
    this.#lastAnswer = undefined;
    this.#establishedAtMs = undefined;
    this.#raised = false;
  }

  #reportLoss(): void {
    const retryInMs = this.#state === "notifyWait" ? 0 : this.#state === "ended" ? null : this.#retryInMs;
    const report = reportOf(this.#loss, retryInMs);
    if (report !== undefined) this.#report(report);
  }

  #reportEnded(): void {
    const { sipStatus, reason } = this.#loss;
    this.#report({ kind: "ended", sipStatus, reason: reason ?? "stopped" });
    this.#answers.close();
    this.#host.ended(this);
    for (const resolve of this.#stopped.splice(0)) resolve();
  }

  #report(report: SubscriptionReport): void {
    try {
      this.#options.onReport?.(report);
    } catch (error) {
      this.#host.endpoint.logger.error({ err: error, report: report.kind }, "a listener for subscriptions threw");
    }
  }
}
