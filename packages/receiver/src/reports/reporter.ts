import { BodyError } from "@sip-push/bodies";
import { type Clock, decodeText, type Logger, newCallId, newTag, type SipRequest, type Timer } from "@sip-push/sip";
import type { AssertedIdentity } from "../identity.ts";
import { memoryKey, RecentMap } from "../recent-map.ts";
import { reportBody } from "./report-body.ts";
import type { DeliveryReportEvent } from "./report-events.ts";
import { defaultReportOptions, type ReportOptions } from "./report-options.ts";
import { ReportQueue, type ReportStats, type SendRequest } from "./report-queue.ts";
import type { ReportRequest } from "./report-request.ts";
import { type PushFate, reportFor } from "./report-table.ts";
import { reportTarget } from "./report-target.ts";

export interface ReporterOptions extends ReportOptions {
  readonly send: SendRequest;
  /** URI of the user. */
  readonly aor: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Never throws. */
  readonly onEvent: (event: DeliveryReportEvent) => void;
  /** How long, and how many, messages are remembered of which there was a report. */
  readonly repeatWindowMs: number;
  readonly maxRemembered: number;
  /** Default `Math.random`. */
  readonly random?: () => number;
}

/** A push that may be reported on. */
export interface ReportablePush {
  readonly request: SipRequest;
  /** As a trusted hop asserted them. */
  readonly identities: readonly AssertedIdentity[];
  readonly reports: ReportRequest;
  readonly receivedAt: Date;
  /** URI of the user who got it, where one reporter stands for several; `aor` when left out. */
  readonly recipient?: string | undefined;
}

/** What is kept of a push until its fate is known; not the request, which may be large. */
interface Subject extends Pick<ReportablePush, "reports" | "receivedAt" | "recipient"> {
  readonly target: string;
}

/**
 * Makes delivery reports: RFC 5438 as IM Recipient, page mode. One per message, recipient and kind, however often it comes and
 * whatever is said of it later (§7.2.1).
 */
export class Reporter {
  readonly #options: ReporterOptions & typeof defaultReportOptions;
  readonly #queue: ReportQueue;
  readonly #told: RecentMap<true>;
  readonly #owed = new Set<OwedReport>();
  #closed = false;

  constructor(options: ReporterOptions) {
    const all = { ...defaultReportOptions, ...options };
    this.#options = all;
    this.#queue = new ReportQueue({ ...all, random: all.random ?? Math.random });
    this.#told = new RecentMap(all.clock, all.repeatWindowMs, all.maxRemembered);
  }

  get stats(): ReportStats {
    return this.#queue.stats;
  }

  /** Reports under way, and those that a handler still owes. */
  get pending(): number {
    return this.#queue.pending + this.#owed.size;
  }

  /** Takes a push on whose fate its sender wants to hear. Undefined when there will be no report. */
  expect(push: ReportablePush): OwedReport | undefined {
    const { policy, maxPending } = this.#options;
    if (policy === "never" || this.#closed) return undefined;
    const target = reportTarget(push.request, push.identities, push.reports);
    if (target === undefined) return undefined;
    if (this.pending >= maxPending && !this.#queue.dropOldest()) {
      this.#queue.drop();
      return undefined;
    }
    const { reports, receivedAt, recipient } = push;
    const options = reports.asked.includes("processing")
      ? this.#options
      : { ...this.#options, processingAfterMs: undefined };
    const owed = new OwedReport(
      options,
      (fate) => this.#tell({ reports, receivedAt, recipient, target }, fate),
      () => void this.#owed.delete(owed),
    );
    this.#owed.add(owed);
    return owed;
  }

  /** Gives up what handlers owe, and lets the rest go out for `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    this.#closed = true;
    for (const owed of [...this.#owed]) owed.cancel();
    await this.#queue.close(timeoutMs);
  }

  #tell({ reports, target, receivedAt, recipient }: Subject, fate: PushFate): void {
    const { policy, logger, onEvent } = this.#options;
    const aor = recipient ?? this.#options.aor;
    const { messageId, asked } = reports;
    const content = reportFor(policy, fate, asked);
    const key = memoryKey(`${recipient ?? ""} ${content?.kind} ${messageId} ${target}`);
    if (content === undefined || this.#told.get(key) !== undefined) return;
    this.#told.set(key, true);
    const subject = {
      event: "report-sent",
      to: decodeText(target),
      messageId,
      disposition: content.status,
    } as const;
    try {
      const body = reportBody({ request: reports, content, reporter: aor, sender: target, receivedAt });
      this.#queue.push(
        {
          method: "MESSAGE",
          requestUri: target,
          ...(recipient === undefined ? {} : { from: recipient }),
          callId: newCallId(),
          fromTag: newTag(),
          headers: [["Content-Type", "message/cpim"]],
          body,
        },
        (result) => {
          // Its sender heard nothing: if it sends the push again, it is told.
          if (result.outcome !== "sent") this.#told.delete(key, true);
          onEvent({ ...subject, ...result });
        },
      );
    } catch (error) {
      if (!(error instanceof BodyError)) throw error;
      logger.warn({ err: error, messageId }, "no delivery report: what it would repeat has no form");
      this.#queue.drop();
      onEvent({ ...subject, outcome: "dropped", sipStatus: null, reason: error.message });
    }
  }
}

/** The report that one push may still get. */
export class OwedReport {
  readonly #tell: (fate: PushFate) => void;
  readonly #ended: () => void;
  readonly #clock: Clock;
  readonly #fateTimeoutMs: number;
  #slow: Timer | undefined;
  #late: Timer | undefined;
  #open = true;

  constructor(
    {
      clock,
      processingAfterMs,
      fateTimeoutMs,
    }: Pick<ReporterOptions, "clock"> & {
      readonly processingAfterMs?: number | undefined;
      readonly fateTimeoutMs: number;
    },
    tell: (fate: PushFate) => void,
    ended: () => void,
  ) {
    this.#tell = tell;
    this.#ended = ended;
    this.#clock = clock;
    this.#fateTimeoutMs = fateTimeoutMs;
    if (processingAfterMs !== undefined) this.#slow = clock.schedule(processingAfterMs, () => tell("slow"));
  }

  /** Says what became of the push. The first word counts. */
  settle(fate: Exclude<PushFate, "slow">): void {
    if (!this.#open) return;
    this.cancel();
    this.#tell(fate);
  }

  /** Waits until it is known, up to `fateTimeoutMs`. */
  settleWhen(delivered: Promise<boolean>): void {
    if (!this.#open) return;
    this.#late = this.#clock.schedule(this.#fateTimeoutMs, () => this.cancel());
    delivered.then(
      (isDelivered) => this.settle(isDelivered ? "delivered" : "failed"),
      () => this.settle("unknown"),
    );
  }

  /** There will be none: the push was refused, and the answer said so (§12.1.3.1). */
  cancel(): void {
    this.#open = false;
    this.#slow?.cancel();
    this.#late?.cancel();
    this.#ended();
  }
}
