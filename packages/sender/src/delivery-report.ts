import type { ImdnDisposition } from "@sip-push/push";
import type { Clock } from "@sip-push/sip";
import type { ExpectedReport, ReportDesk, ReportResult } from "./reports/index.ts";

/** Longest wait of a timer, 25 days: a longer one would fire at once. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** How the wait for a delivery report ended. */
export type ReportEnd = ImdnDisposition | "missing" | "abort" | "close";

/**
 * The delivery report of one push (RFC 5438): one Message-ID for all its attempts, so that a receiver reports once; and a
 * deadline that counts from the final response.
 */
export class ReportWait {
  readonly #expected: ExpectedReport;
  readonly #clock: Clock;
  readonly #waitMs: number;
  #result: ReportResult | undefined;

  private constructor(expected: ExpectedReport, clock: Clock, waitMs: number) {
    this.#expected = expected;
    this.#clock = clock;
    this.#waitMs = waitMs;
    void expected.result.then((result) => {
      this.#result = result;
    });
  }

  /** Undefined when too many reports are waited for. */
  static open(
    desk: ReportDesk,
    { recipient, signal, waitMs }: { recipient: string; signal: AbortSignal | undefined; waitMs: number },
    clock: Clock,
  ): ReportWait | undefined {
    const expected = desk.expect({ recipient, waitMs: MAX_TIMER_MS, ...(signal === undefined ? {} : { signal }) });
    return expected && new ReportWait(expected, clock, waitMs);
  }

  /** For the Message-ID of the push. */
  get messageId(): string {
    return this.#expected.messageId;
  }

  /** What was reported so far: a report may overtake the response. */
  get disposition(): ImdnDisposition | null {
    return this.#result?.kind === "reported" ? this.#result.report.disposition : null;
  }

  /** A redirection led to this URI: its user may report too. */
  alsoFrom(uri: string): void {
    this.#expected.alsoFrom(uri);
  }

  /** Waits for the report from now on, until its deadline. */
  async end(): Promise<ReportEnd> {
    const timer = this.#clock.schedule(this.#waitMs, () => this.#expected.cancel());
    const result = await this.#expected.result;
    timer.cancel();
    if (result.kind === "reported") return result.report.disposition;
    if (result.reason === "aborted") return "abort";
    return result.reason === "closed" ? "close" : "missing";
  }

  /** No report is needed any more. */
  cancel(): void {
    this.#expected.cancel();
  }
}
