import type { Imdn } from "@sip-push/bodies";
import type { ImdnDisposition } from "@sip-push/push";
import {
  BriefMap,
  type Clock,
  type Logger,
  Pending,
  type ResponseInit,
  randomToken,
  type ServerTransaction,
  silentLogger,
  type Timer,
  TrustDomain,
} from "@sip-push/sip";
import { partyKey, telephoneKey } from "../aor.ts";
import { type RequestIdentity, requestIdentity } from "../request-identity.ts";
import { readReports } from "./read-reports.ts";
import type {
  BookedReport,
  ExpectedReport,
  IgnoredReport,
  ProcessingStatus,
  ReportBook,
  ReportPolicy,
  ReportRequest,
  ReportResult,
  ReportStats,
} from "./types.ts";

export interface ReportDeskOptions extends ReportPolicy {
  readonly clock: Clock;
  /** Peers whose P-Asserted-Identity counts. Default nobody. */
  readonly trust?: TrustDomain;
  /** Waits at a time; past it `expect` says no. Default 200000. */
  readonly maxExpected?: number;
  /** Waits that ended, remembered to tell late and duplicate reports from forged ones. Default 10000. */
  readonly maxRemembered?: number;
  /** Octets of a report, and of what it unfolds to. Default 65536. */
  readonly maxBodyBytes?: number;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Takes reports about pushes that nobody waits for here. */
  readonly book?: ReportBook;
  /** Reports that the book has at a time; further ones are answered 503. Default 10000. */
  readonly maxBooking?: number;
  /** The Request-URI of a push to a recipient, where the two differ. */
  readonly requestUriOf?: (recipient: string) => string;
}

/** The reporter comes back after so many seconds. */
const LATER: ResponseInit = { headers: [["Retry-After", "5"]] };

/** A longer timer would fire at once. */
const MAX_WAIT_MS = 0x7fff_ffff;

interface Wait {
  /** Keys of those who may report. */
  readonly reporters: Set<string>;
  readonly request: ReportRequest;
  readonly startedMs: number;
  readonly settle: (result: ReportResult) => void;
  timer: Timer | undefined;
  processing: ProcessingStatus | null;
}

/** What is left of a wait that ended. */
interface Ended {
  readonly reporters: ReadonlySet<string>;
  readonly as: "late" | "duplicate";
}

/**
 * Where delivery reports come in (IMDN, RFC 5438) and meet the pushes that asked for one. A report counts once, from
 * the recipient of that push alone; all others are answered like a good one, ignored and counted. It keeps a push until
 * its report or its deadline, nothing longer.
 */
export class ReportDesk {
  readonly #clock: Clock;
  readonly #trust: TrustDomain;
  readonly #requireAsserted: boolean;
  readonly #intermediaries: ReadonlySet<string>;
  readonly #maxExpected: number;
  readonly #maxRemembered: number;
  readonly #maxBodyBytes: number;
  readonly #logger: Logger;
  readonly #book: ReportBook | undefined;
  readonly #maxBooking: number;
  readonly #requestUriOf: (recipient: string) => string;
  readonly #waits = new BriefMap<string, Wait>();
  readonly #ended = new Map<string, Ended>();
  readonly #counts = { reported: 0, booked: 0, unreported: 0, refused: 0, rejected: 0 };
  readonly #ignored: Record<IgnoredReport, number> = { unknown: 0, foreign: 0, late: 0, duplicate: 0, unasked: 0 };
  #booking = 0;
  readonly #entering = new Pending();
  #closed = false;

  constructor(options: ReportDeskOptions) {
    this.#clock = options.clock;
    this.#trust = options.trust ?? new TrustDomain();
    this.#requireAsserted = options.requireAsserted ?? false;
    this.#intermediaries = new Set((options.intermediaries ?? []).flatMap((uri) => partyKey(uri) ?? []));
    this.#maxExpected = options.maxExpected ?? 200_000;
    this.#maxRemembered = options.maxRemembered ?? 10_000;
    this.#maxBodyBytes = options.maxBodyBytes ?? 65_536;
    this.#logger = options.logger ?? silentLogger;
    this.#book = options.book;
    this.#maxBooking = options.maxBooking ?? 10_000;
    this.#requestUriOf = options.requestUriOf ?? ((recipient) => recipient);
  }

  get stats(): ReportStats {
    return { waiting: this.#waits.size, ...this.#counts, ignored: { ...this.#ignored } };
  }

  /** Begins to wait, before the push is sent: its report may overtake the response. Undefined past `maxExpected`. */
  expect(request: ReportRequest): ExpectedReport | undefined {
    if (this.#waits.size >= this.#maxExpected) {
      this.#counts.refused++;
      return undefined;
    }
    const messageId = randomToken(16);
    const { recipient, signal, waitMs } = request;
    const reporters = new Set(keysOf(recipient));
    const result = new Promise<ReportResult>((resolve) => {
      const abort = (): void => this.#end(messageId, "aborted");
      const settle = (outcome: ReportResult): void => {
        signal?.removeEventListener("abort", abort);
        resolve(outcome);
      };
      const startedMs = this.#clock.now();
      this.#waits.set(messageId, { reporters, request, startedMs, settle, timer: undefined, processing: null });
      if (this.#closed) this.#end(messageId, "closed");
      else if (signal?.aborted) abort();
      else {
        const wait = this.#waits.get(messageId) as Wait;
        wait.timer = this.#clock.schedule(Math.min(waitMs, MAX_WAIT_MS), () => this.#end(messageId, "deadline"));
        signal?.addEventListener("abort", abort, { once: true });
      }
    });
    return {
      messageId,
      result,
      alsoFrom: (uri) => {
        for (const key of keysOf(uri)) reporters.add(key);
      },
      cancel: () => this.#end(messageId, "cancelled"),
    };
  }

  /**
   * Handler of MESSAGE for the UAS. Answers every one: 200 to what could be read, whether it counts or not (RFC 5438
   * §12.1.2); 503 to what is for a book that cannot take it now.
   */
  handle(transaction: ServerTransaction): void {
    const { request, flow } = transaction;
    const read = readReports(request, this.#maxBodyBytes);
    if (read.kind === "refused") {
      const { statusCode, ...init } = read.refusal;
      this.#counts.rejected++;
      transaction.reply(statusCode, init);
      return;
    }
    const identity = requestIdentity(request, flow, this.#trust);
    const { callId } = request;
    const booked: Imdn[] = [];
    for (const imdn of read.imdns) {
      const ignored = this.#take(imdn, identity);
      if (ignored === "unknown" && this.#book !== undefined) booked.push(imdn);
      else if (ignored !== undefined) this.#ignore(ignored, identity, callId);
    }
    if (this.#book === undefined || booked.length === 0) transaction.reply(200);
    else if (this.#closed || this.#booking + booked.length > this.#maxBooking) transaction.reply(503, LATER);
    else {
      void this.#entering.add(this.#enter(this.#book, booked, identity, transaction));
    }
  }

  async #enter(
    book: ReportBook,
    imdns: readonly Imdn[],
    identity: RequestIdentity,
    transaction: ServerTransaction,
  ): Promise<void> {
    const { callId } = transaction.request;
    this.#booking += imdns.length;
    const taken = await Promise.allSettled(imdns.map((imdn) => this.#entry(book, imdn, identity)));
    this.#booking -= imdns.length;
    for (const each of taken) {
      if (each.status === "rejected") {
        this.#logger.warn({ err: each.reason, callId, from: identity.text }, "delivery report could not be kept");
      } else if (each.value === "taken") this.#counts.booked++;
      else this.#ignore(each.value, identity, callId);
    }
    if (taken.every(({ status }) => status === "fulfilled")) transaction.reply(200);
    else transaction.reply(503, LATER);
  }

  async #entry(book: ReportBook, imdn: Imdn, identity: RequestIdentity): Promise<IgnoredReport | "taken"> {
    if (imdn.kind !== "delivery") return "unasked";
    const report: BookedReport = {
      messageId: imdn.messageId,
      disposition: imdn.status as ImdnDisposition,
      reportedBy: identity.text,
      isFrom: (recipient) => this.#mayReport(new Set(keysOf(this.#requestUriOf(recipient))), imdn, identity),
    };
    return book.take(report);
  }

  #ignore(ignored: IgnoredReport, { text: from }: RequestIdentity, callId: string): void {
    this.#ignored[ignored]++;
    this.#logger.debug({ callId, from, ignored }, "delivery report ignored");
  }

  /** Ends all waits; resolves when the book has answered for what it was given. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const messageId of [...this.#waits.keys()]) this.#end(messageId, "closed");
    this.#ended.clear();
    await this.#entering.none();
  }

  #take(imdn: Imdn, identity: RequestIdentity): IgnoredReport | undefined {
    const wait = this.#waits.get(imdn.messageId);
    const known = wait ?? this.#ended.get(imdn.messageId);
    if (known === undefined) return "unknown";
    if (!this.#mayReport(known.reporters, imdn, identity)) return "foreign";
    if (wait === undefined) return (known as Ended).as;
    if (imdn.kind === "display") return "unasked";
    if (imdn.kind === "processing") return this.#processing(wait, imdn.status as ProcessingStatus);
    const elapsedMs = Math.round(this.#clock.now() - wait.startedMs);
    const report = { disposition: imdn.status as ImdnDisposition, reportedBy: identity.text, elapsedMs };
    this.#finish(imdn.messageId, wait, { kind: "reported", report, processing: wait.processing });
    return undefined;
  }

  #mayReport(reporters: ReadonlySet<string>, imdn: Imdn, { uris, asserted }: RequestIdentity): boolean {
    if (this.#requireAsserted && !asserted) return false;
    const keys = uris.flatMap((uri) => partyKey(uri) ?? []);
    if (keys.some((key) => reporters.has(key))) return true;
    if (!keys.some((key) => this.#intermediaries.has(key))) return false;
    const named = [imdn.originalRecipientUri, imdn.recipientUri].flatMap((uri) => (uri === null ? [] : keysOf(uri)));
    return named.some((key) => reporters.has(key));
  }

  #processing(wait: Wait, status: ProcessingStatus): IgnoredReport | undefined {
    if (wait.request.processing !== true) return "unasked";
    if (wait.processing !== null) return "duplicate";
    wait.processing = status;
    wait.request.onProcessing?.(status);
    return undefined;
  }

  #end(messageId: string, reason: "deadline" | "cancelled" | "aborted" | "closed"): void {
    const wait = this.#waits.get(messageId);
    if (wait !== undefined) this.#finish(messageId, wait, { kind: "none", reason, processing: wait.processing });
  }

  #finish(messageId: string, wait: Wait, result: ReportResult): void {
    wait.timer?.cancel();
    this.#waits.delete(messageId);
    this.#counts[result.kind === "reported" ? "reported" : "unreported"]++;
    const as = result.kind === "reported" ? "duplicate" : "late";
    if (!this.#closed) this.#ended.set(messageId, { reporters: wait.reporters, as });
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= this.#maxRemembered) break;
      this.#ended.delete(oldest);
    }
    wait.settle(result);
  }
}

/** All names of a user: its address, and its telephone number when the address is made from one. */
function keysOf(uri: string): string[] {
  return [partyKey(uri), telephoneKey(uri)].filter((key) => key !== undefined);
}
