import type { DispositionRequest, ImdnStatus, NotificationKind } from "@sip-push/bodies";
import type { ReportPolicy } from "./report-options.ts";

/**
 * What became of a push that was answered 2xx.
 *
 * - `delivered`, `failed`: the application got it, or did not.
 * - `unknown`: nobody can tell.
 * - `slow`: a handler is still at work.
 */
export type PushFate = "delivered" | "failed" | "unknown" | "slow";

/** What one report says. */
export interface ReportContent {
  readonly kind: NotificationKind;
  readonly status: ImdnStatus;
}

interface Row extends ReportContent {
  readonly policy: ReportPolicy;
  readonly fate: PushFate;
  /** The row counts when one of these was asked for. */
  readonly asked: readonly DispositionRequest[];
}

const row = (
  policy: ReportPolicy,
  fate: PushFate,
  asked: readonly DispositionRequest[],
  kind: NotificationKind,
  status: ImdnStatus,
): Row => ({ policy, fate, asked, kind, status });

const either: readonly DispositionRequest[] = ["positive-delivery", "negative-delivery"];

/** Policy, fate and request -> report. RFC 5438 §5, §7.2.1, §12.1.3.1, §14.2. What has no row is not reported. */
export const reportTable: readonly Row[] = [
  row("send", "delivered", ["positive-delivery"], "delivery", "delivered"),
  row("send", "failed", ["negative-delivery"], "delivery", "failed"),
  row("send", "unknown", either, "delivery", "error"),
  row("send", "slow", ["processing"], "processing", "processed"),
  row("forbid", "delivered", either, "delivery", "forbidden"),
  row("forbid", "failed", either, "delivery", "forbidden"),
  row("forbid", "unknown", either, "delivery", "forbidden"),
  row("forbid", "slow", ["processing"], "processing", "forbidden"),
];

/** The report that is due, if any. */
export function reportFor(
  policy: ReportPolicy,
  fate: PushFate,
  asked: readonly DispositionRequest[],
): ReportContent | undefined {
  return reportTable.find(
    (each) => each.policy === policy && each.fate === fate && each.asked.some((request) => asked.includes(request)),
  );
}
