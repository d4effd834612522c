import { isRetryable, outcomeOf } from "@sip-push/push";
import {
  type Clock,
  decodeText,
  type Logger,
  parseRetryAfter,
  type RequestInit,
  type SendOutcome,
  type Timer,
} from "@sip-push/sip";
import { type ReportAction, type ReportEvent, type ReportState, report } from "./report.machine.ts";
import type { ReportOptions } from "./report-options.ts";

/** A request of this user; `from` names which of several. */
export type OwnRequestInit = Omit<RequestInit, "from"> & { readonly from?: string };

/** Sends one request of this user; never rejects. `OwnRequests.send` is one. */
export type SendRequest = (init: OwnRequestInit, signal: AbortSignal) => Promise<SendOutcome>;

export interface ReportQueueOptions
  extends Required<Pick<ReportOptions, "maxPending" | "maxAttempts" | "retryBaseMs" | "retryMaxMs" | "giveUpAfterMs">> {
  readonly send: SendRequest;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For the jitter of the pauses: 0 to 1. */
  readonly random: () => number;
}

/** What became of reports. */
export interface ReportStats {
  readonly sent: number;
  /** Refused, or never answered. */
  readonly failed: number;
  /** Given up: too many at a time, or the receiver closed. */
  readonly dropped: number;
}

/** What became of one. `sipStatus`: of the last answer, null for none. */
export interface ReportResult {
  readonly outcome: keyof ReportStats;
  readonly sipStatus: number | null;
  readonly reason: string;
}

/** Sends delivery reports: each a few times, not too many at once. */
export class ReportQueue {
  readonly #options: ReportQueueOptions;
  readonly #pending = new Set<Outgoing>();
  /** Those that wait for another try, since when first. */
  readonly #waiting = new Set<Outgoing>();
  readonly #counts = { sent: 0, failed: 0, dropped: 0 };
  #drained: (() => void) | undefined;
  #closed = false;

  constructor(options: ReportQueueOptions) {
    this.#options = options;
  }

  /** Under way, or waiting for the next try. */
  get pending(): number {
    return this.#pending.size;
  }

  get stats(): ReportStats {
    return { ...this.#counts };
  }

  /** Counts a report that is not sent. */
  drop(): void {
    this.#counts.dropped++;
  }

  /** Gives up the report that waits for longest: a new one is worth more. False when none waits. */
  dropOldest(): boolean {
    const [oldest] = this.#waiting;
    oldest?.step("close");
    return oldest !== undefined;
  }

  /**
   * Sends, now and if need be again; past `maxPending` the oldest that waits gives way. Never throws.
   *
   * @param ended hears once what came of it.
   */
  push(request: OwnRequestInit, ended: (result: ReportResult) => void): void {
    const problem = this.#closed ? "closing" : "too many reports at a time";
    if (this.#closed || (this.#pending.size >= this.#options.maxPending && !this.dropOldest())) {
      this.drop();
      ended({ outcome: "dropped", sipStatus: null, reason: problem });
      return;
    }
    const outgoing = new Outgoing(request, this.#options, {
      waits: (waits) => void (waits ? this.#waiting.add(outgoing) : this.#waiting.delete(outgoing)),
      ended: (result) => {
        this.#counts[result.outcome]++;
        this.#pending.delete(outgoing);
        ended(result);
        if (this.#pending.size === 0) this.#drained?.();
      },
    });
    this.#pending.add(outgoing);
    outgoing.step("start");
  }

  /** Lets what is under way come to its end for `timeoutMs`, then gives up the rest. What waits for another try has none. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const outgoing of [...this.#waiting]) outgoing.step("close");
    if (this.#pending.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.schedule(timeoutMs, () => {
        for (const outgoing of [...this.#pending]) outgoing.step("close");
      });
      this.#drained = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}

/** What the queue hears of one report. */
interface Observer {
  /** It began, or ceased, to wait for another try. */
  readonly waits: (waits: boolean) => void;
  readonly ended: (result: ReportResult) => void;
}

/** Performs the actions of {@link report} for one. */
class Outgoing {
  #state: ReportState = "idle";
  readonly #request: OwnRequestInit;
  readonly #options: ReportQueueOptions;
  readonly #observer: Observer;
  readonly #untilMs: number;
  readonly #abort = new AbortController();
  #attempts = 0;
  /** Rises with each request, or the other side would take the next for a repeat and answer as before. RFC 3261 §8.1.3.5. */
  #cseq = 1;
  #timer: Timer | undefined;
  #pauseMs = 0;
  /** The last answer, or why there is none. */
  #last: Omit<ReportResult, "outcome"> = { sipStatus: null, reason: "given up" };

  constructor(request: OwnRequestInit, options: ReportQueueOptions, observer: Observer) {
    this.#request = request;
    this.#options = options;
    this.#observer = observer;
    this.#untilMs = options.clock.now() + options.giveUpAfterMs;
  }

  step(event: ReportEvent): void {
    const row = report[this.#state][event];
    if (row === undefined) return;
    const waited = this.#state === "waiting";
    this.#state = row.next;
    if (waited !== (row.next === "waiting")) this.#observer.waits(!waited);
    for (const action of row.actions) this.#perform(action);
  }

  #perform(action: ReportAction): void {
    switch (action) {
      case "send":
        void this.#send().then((event) => this.step(event));
        return;
      case "startRetry":
        this.#timer = this.#options.clock.schedule(this.#pauseMs, () => this.step("retryDue"));
        return;
      case "stopRetry":
        this.#timer?.cancel();
        return;
      case "abort":
        this.#abort.abort();
        return;
      case "countSent":
        this.#observer.ended({ outcome: "sent", ...this.#last });
        return;
      case "countFailed":
        this.#observer.ended({ outcome: "failed", ...this.#last });
        return;
      case "countDropped":
        this.#observer.ended({ outcome: "dropped", ...this.#last });
        return;
      default:
        action satisfies never;
    }
  }

  async #send(): Promise<ReportEvent> {
    this.#attempts++;
    let event: ReportEvent;
    try {
      const outcome = await this.#options.send({ ...this.#request, cseq: this.#cseq }, this.#abort.signal);
      // Answers to challenges raised it, too.
      this.#cseq += Math.max(outcome.attempts, 1);
      event = this.#judge(outcome);
    } catch (error) {
      this.#options.logger.error({ err: error }, "delivery report could not be sent");
      this.#last = { sipStatus: null, reason: error instanceof Error ? error.message : String(error) };
      event = "refused";
    }
    return event === "deferred" && !this.#mayRetry() ? "exhausted" : event;
  }

  /** Whether another attempt is left, and begins in time. */
  #mayRetry(): boolean {
    const { maxAttempts, clock } = this.#options;
    return this.#attempts < maxAttempts && clock.now() + this.#pauseMs < this.#untilMs;
  }

  #judge(outcome: SendOutcome): ReportEvent {
    if (outcome.kind === "failure") {
      this.#last = { sipStatus: null, reason: outcome.reason };
      this.#pauseMs = this.#pauseAfter(0);
      this.#options.logger.info({ code: outcome.code }, "delivery report not answered");
      return outcome.retryable ? "deferred" : "refused";
    }
    const { statusCode, headers, reason } = outcome.response;
    this.#last = { sipStatus: statusCode, reason: decodeText(reason) };
    this.#options.logger.info({ sipStatus: statusCode }, "delivery report answered");
    if (statusCode < 300) return "accepted";
    this.#pauseMs = this.#pauseAfter((parseRetryAfter(headers.get("Retry-After")) ?? 0) * 1000);
    return mayPass(statusCode) ? "deferred" : "refused";
  }

  /** Doubling, with the jitter down to half; Retry-After may ask for more (RFC 3261 §20.33). */
  #pauseAfter(askedMs: number): number {
    const { retryBaseMs, retryMaxMs, random } = this.#options;
    const oursMs = retryBaseMs * 2 ** Math.min(this.#attempts - 1, 30);
    return Math.max(Math.min(oursMs, retryMaxMs) * (0.5 + 0.5 * random()), askedMs);
  }
}

/**
 * Answers that another try may change. 404 is one of them: who has just pushed exists, and its core has forgotten where, until it
 * registers anew.
 */
function mayPass(statusCode: number): boolean {
  return statusCode === 404 || isRetryable(outcomeOf(statusCode));
}
