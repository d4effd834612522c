import { type MachineTable, to } from "@sip-push/sip";

export type ReportState = "idle" | "sending" | "waiting" | "ended";
export type ReportEvent =
  | "start"
  | "accepted" // 2xx
  | "refused" // any other answer that a later try would not change
  | "deferred" // no answer, or one that asks to come back
  | "exhausted" // the same, for the last attempt
  | "retryDue"
  | "close";
export type ReportAction = "send" | "startRetry" | "stopRetry" | "abort" | "countSent" | "countFailed" | "countDropped";

/**
 * One delivery report on its way: a MESSAGE (RFC 5438 §12.1.1), tried again as RFC 3428 §4 allows, less and less often and not
 * for ever: a report that does not arrive is a nuisance, a storm of them is an outage (RFC 5438 §14).
 */
export const report: MachineTable<ReportState, ReportEvent, ReportAction> = {
  idle: {
    start: to("sending", "send"),
    close: to("ended", "countDropped"),
  },
  sending: {
    accepted: to("ended", "countSent"),
    refused: to("ended", "countFailed"),
    deferred: to("waiting", "startRetry"),
    exhausted: to("ended", "countFailed"),
    close: to("ended", "abort", "countDropped"),
  },
  waiting: {
    retryDue: to("sending", "send"),
    close: to("ended", "stopRetry", "countDropped"),
  },
  ended: {},
};
