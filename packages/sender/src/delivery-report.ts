import type { ImdnDisposition, ReportRequestInit } from "@sip-push/push";
import type { Clock } from "@sip-push/sip";
import type { DeliveryContext, DeliveryJob } from "./delivery-job.ts";
import type { ExpectedReport, ProcessingStatus, ReportResult } from "./reports/index.ts";

/** Longest wait of a timer, 25 days: a longer one would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** How the wait for a delivery report ended. */
export type ReportEnd = ImdnDisposition | "missing" | "abort" | "close";

/**
 * The delivery report of one push (RFC 5438): one Message-ID for all its attempts, so that a receiver reports once, and a
 * deadline that counts from the final response. After a negative report the next attempt is another message.
 */
export class DeliveryReport {
  readonly #context: DeliveryContext;
  readonly #job: DeliveryJob;
  readonly #clock: Clock;
  #expected: ExpectedReport | undefined;
  #result: ReportResult | undefined;
  #onDelivered: (() => void) | undefined;

  constructor(context: DeliveryContext, job: DeliveryJob) {
    this.#context = context;
    this.#job = job;
    this.#clock = context.clock;
  }

  /** One is asked for and may come, or came. */
  get expected(): boolean {
    return this.#expected !== undefined;
  }

  /** What was reported so far: a report may overtake the response. */
  get disposition(): ImdnDisposition | null {
    return this.#result?.kind === "reported" ? this.#result.report.disposition : null;
  }

  /** What an intermediary said of the push on its way, where that was asked for and it did. RFC 5438 §8.1. */
  get processing(): ProcessingStatus | null {
    return this.#result?.processing ?? null;
  }

  /** Whether a handset that has the push says so; else it speaks up only when it could not be delivered (RFC 5438 §6.2). */
  get tellsSuccess(): boolean {
    return this.#job.push.reportDispositions?.includes("positive-delivery") ?? true;
  }

  /** Before an attempt. False when too many reports are waited for. */
  open(): boolean {
    const { recipient, push, signal } = this.#job;
    if (this.#expected !== undefined && this.disposition === null) return true;
    this.#result = undefined;
    const expected = this.#context.services.reports.expect({
      recipient: recipient.requestUri,
      waitMs: MAX_TIMER_MS,
      processing: push.reportDispositions?.includes("processing") === true,
      ...(signal === undefined ? {} : { signal }),
    });
    this.#expected = expected;
    void expected?.result.then((result) => {
      if (this.#expected === expected) this.#take(result);
    });
    return expected !== undefined;
  }

  /** What the next attempt asks for; undefined: nothing. */
  get request(): ReportRequestInit | undefined {
    if (this.#expected === undefined) return undefined;
    const { messageId } = this.#expected;
    const { reportDispositions: dispositions } = this.#job.push;
    return { messageId, sentAt: this.#clock.date(), ...(dispositions === undefined ? {} : { dispositions }) };
  }

  /** A redirection led to this URI: its user may report too. */
  alsoFrom(uri: string): void {
    this.#expected?.alsoFrom(uri);
  }

  /** Calls back when the handset says that it has the push; gives what stops that. */
  whenDelivered(listener: () => void): () => void {
    if (this.disposition === "delivered") listener();
    else this.#onDelivered = listener;
    return () => {
      this.#onDelivered = undefined;
    };
  }

  /** Waits for the report from now on, until its deadline. */
  async end(): Promise<ReportEnd> {
    const expected = this.#expected;
    if (expected === undefined) return "missing";
    const timer = this.#clock.schedule(Math.min(this.#job.reportWaitMs, MAX_TIMER_MS), () => expected.cancel());
    const result = await expected.result;
    timer.cancel();
    if (result.kind === "reported") return result.report.disposition;
    if (result.reason === "aborted") return "abort";
    return result.reason === "closed" ? "close" : "missing";
  }

  /** No report is needed any more. */
  cancel(): void {
    this.#expected?.cancel();
  }

  #take(result: ReportResult): void {
    this.#result = result;
    if (this.disposition === "delivered") this.#onDelivered?.();
  }
}
