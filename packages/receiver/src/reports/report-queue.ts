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
  extends Required<Pick<ReportOptions, "maxPending" | "maxAttempts" | "retryBaseMs" | "retryMaxMs">> {
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

  /**
   * Sends, now and if need be again; drops past `maxPending`. Never throws.
   *
   * @param ended hears once what came of it.
   */
  push(request: OwnRequestInit, ended: (result: ReportResult) => void): void {
    const problem = this.#closed ? "closing" : "too many reports at a time";
    if (this.#closed || this.#pending.size >= this.#options.maxPending) {
      this.drop();
      ended({ outcome: "dropped", sipStatus: null, reason: problem });
      return;
    }
    const outgoing = new Outgoing(request, this.#options, (result) => {
      this.#counts[result.outcome]++;
      this.#pending.delete(outgoing);
      ended(result);
      if (this.#pending.size === 0) this.#drained?.();
    });
    this.#pending.add(outgoing);
    outgoing.step("start");
  }

  /** Lets what is under way come to its end for `timeoutMs`, then gives up the rest. What waits for another try has none. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const outgoing of [...this.#pending]) if (outgoing.state === "waiting") outgoing.step("close");
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

/** Performs the actions of {@link report} for one. */
class Outgoing {
  state: ReportState = "idle";
  readonly #request: OwnRequestInit;
  readonly #options: ReportQueueOptions;
  readonly #ended: (result: ReportResult) => void;
  readonly #abort = new AbortController();
  #attempts = 0;
  /** Rises with each request, or the other side would take the next for a repeat and answer as before. RFC 3261 §8.1.3.5. */
  #cseq = 1;
  #timer: Timer | undefined;
  #retryAfterMs = 0;
  /** The last answer, or why there is none. */
  #last: Omit<ReportResult, "outcome"> = { sipStatus: null, reason: "given up" };

  constructor(request: OwnRequestInit, options: ReportQueueOptions, ended: (result: ReportResult) => void) {
    this.#request = request;
    this.#options = options;
    this.#ended = ended;
  }

  step(event: ReportEvent): void {
    const row = report[this.state][event];
    if (row === undefined) return;
    this.state = row.next;
    for (const action of row.actions) this.#perform(action);
  }

  #perform(action: ReportAction): void {
    switch (action) {
      case "send":
        void this.#send().then((event) => this.step(event));
        return;
      case "startRetry":
        this.#timer = this.#options.clock.schedule(this.#pauseMs(), () => this.step("retryDue"));
        return;
      case "stopRetry":
        this.#timer?.cancel();
        return;
      case "abort":
        this.#abort.abort();
        return;
      case "countSent":
        this.#ended({ outcome: "sent", ...this.#last });
        return;
      case "countFailed":
        this.#ended({ outcome: "failed", ...this.#last });
        return;
      case "countDropped":
        this.#ended({ outcome: "dropped", ...this.#last });
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
    return event === "deferred" && this.#attempts >= this.#options.maxAttempts ? "exhausted" : event;
  }

  #judge(outcome: SendOutcome): ReportEvent {
    this.#retryAfterMs = 0;
    if (outcome.kind === "failure") {
      this.#last = { sipStatus: null, reason: outcome.reason };
      this.#options.logger.info({ code: outcome.code }, "delivery report not answered");
      return outcome.retryable ? "deferred" : "refused";
    }
    const { statusCode, headers, reason } = outcome.response;
    this.#last = { sipStatus: statusCode, reason: decodeText(reason) };
    this.#options.logger.info({ sipStatus: statusCode }, "delivery report answered");
    if (statusCode < 300) return "accepted";
    this.#retryAfterMs = (parseRetryAfter(headers.get("Retry-After")) ?? 0) * 1000;
    return isRetryable(outcomeOf(statusCode)) ? "deferred" : "refused";
  }

  /** Doubling, with the jitter down to half; Retry-After may ask for more. */
  #pauseMs(): number {
    const { retryBaseMs, retryMaxMs, random } = this.#options;
    const oursMs = retryBaseMs * 2 ** Math.min(this.#attempts - 1, 30) * (0.5 + 0.5 * random());
    return Math.min(Math.max(oursMs, this.#retryAfterMs), retryMaxMs);
  }
}
