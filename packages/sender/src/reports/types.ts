import type { ImdnDisposition } from "@sip-push/push";

/** What an intermediary says of a push on its way. RFC 5438 §8.1. */
export type ProcessingStatus = "processed" | "stored" | "forbidden" | "error";

/** A delivery report about one push, from its recipient or from an intermediary that is believed. */
export interface DeliveryReport {
  /** `delivered`, `failed`, `forbidden` or `error`: the `imdn …` row of the outcome table. RFC 5438 §7.2.1.1, §8.2. */
  readonly disposition: ImdnDisposition;
  /** Who sent it, as asserted or, where nobody asserts, as written in From. */
  readonly reportedBy: string;
  /** From the call of `expect`, in whole milliseconds. */
  readonly elapsedMs: number;
}

/** How a wait for a report ended. */
export type ReportResult =
  | { readonly kind: "reported"; readonly report: DeliveryReport; readonly processing: ProcessingStatus | null }
  /** Nothing came: what the final response said stands. `cancelled`: by the caller, who needs no report any more. */
  | {
      readonly kind: "none";
      readonly reason: "deadline" | "cancelled" | "aborted" | "closed";
      readonly processing: ProcessingStatus | null;
    };

/** Whose reports count, besides the Message-ID that nobody can guess. */
export interface ReportPolicy {
  /**
   * Only who is asserted by a peer of the trust domain may report; else From is taken where nobody asserts. Default false: there are
   * cores that assert nobody in a MESSAGE to an application server, and without the Message-ID nothing can be reported.
   */
  readonly requireAsserted?: boolean;
  /**
   * URIs of store-and-forward servers, which report under their own name about pushes to others (RFC 5438 §8.1, §8.2); their reports
   * must name the recipient. Default none.
   */
  readonly intermediaries?: readonly string[];
}

/** A report about a push that this process does not wait for: another one sent it, or this one before it was restarted. */
export interface BookedReport {
  /** Of the push; the Call-ID of its chain. */
  readonly messageId: string;
  readonly disposition: ImdnDisposition;
  /** As in {@link DeliveryReport}. */
  readonly reportedBy: string;
  /** Whether the reporter may report about a push to this recipient, a `sip:`, `sips:` or `tel:` URI; else it is `foreign`. */
  isFrom(recipient: string): boolean;
}

/** Where such reports are matched with pushes that are kept. */
export interface ReportBook {
  /**
   * Resolves when what it says is safe: the reporter gets its 200 then. When it rejects, the reporter is told to come back.
   *
   * @returns what it made of it; all but `taken` is counted as ignored.
   */
  take(report: BookedReport): Promise<IgnoredReport | "taken">;
}

/** What to wait for. */
export interface ReportRequest {
  /** Request-URI of the push: reports of anybody else are foreign. */
  readonly recipient: string;
  /**
   * Also wanted: that an intermediary took it (`processing`). Default false; such reports are then counted as unasked.
   */
  readonly processing?: boolean;
  /** Longest wait, counted from the call, in milliseconds. It must end: at most 24.8 days count. */
  readonly waitMs: number;
  /** Ends the wait. */
  readonly signal?: AbortSignal;
  /** Called when an intermediary says that it took the push. */
  readonly onProcessing?: (status: ProcessingStatus) => void;
}

/** One push whose report is waited for. */
export interface ExpectedReport {
  /** For the Message-ID of the push: 128 random bits, so that nobody can report who has not seen it. RFC 5438 §6.3. */
  readonly messageId: string;
  /** Always settles, never rejects. */
  readonly result: Promise<ReportResult>;
  /** A redirection led to this URI (RFC 3261 §8.1.3.4): its user may report too. */
  alsoFrom(uri: string): void;
  /** No report is needed: the push was refused, or its final response is enough. Idempotent. */
  cancel(): void;
}

/** Why a report that could be read changed nothing. */
export type IgnoredReport =
  /** No push has that id: forged, or forgotten long ago. */
  | "unknown"
  /** The push is ours, the reporter is not its recipient. */
  | "foreign"
  /** The wait was over. */
  | "late"
  /** The push has its report already. RFC 5438 §7.2.1: there is one. */
  | "duplicate"
  /** A kind of report that was not asked for, such as `display`. */
  | "unasked";

export interface ReportStats {
  /** Waits under way. */
  readonly waiting: number;
  /** Waits that ended with a report. */
  readonly reported: number;
  /** Reports that the book took. */
  readonly booked: number;
  /** Waits that ended without. */
  readonly unreported: number;
  /** Waits refused because of `maxExpected`. */
  readonly refused: number;
  /** MESSAGEs that no report could be read from, answered 4xx. */
  readonly rejected: number;
  readonly ignored: Readonly<Record<IgnoredReport, number>>;
}
