import type { ImdnStatus } from "@sip-push/bodies";

/** A delivery report that the receiver made, when it was answered or given up. RFC 5438. Text is the peer's and not to be trusted. */
export interface DeliveryReportEvent {
  readonly event: "report-sent";
  /** Request-URI: the sender of the push, or the first intermediary on the way back. */
  readonly to: string;
  /** Message-ID of the push. */
  readonly messageId: string;
  /** What it says of the push. */
  readonly disposition: ImdnStatus;
  /** `sent`: answered 2xx. `failed`: refused, or not answered however often. `dropped`: too many at a time, or the receiver closed. */
  readonly outcome: "sent" | "failed" | "dropped";
  /** Of the last answer; null when there was none. */
  readonly sipStatus: number | null;
  /** Of the last answer, or why there is none. */
  readonly reason: string;
}
