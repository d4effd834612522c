import type { ImdnDisposition } from "@sip-push/push";
import { reportEvents } from "./outcome-events.ts";

/* Why a delivery ended that waited for a delivery report: reasons are kept, and tell the two apart afterwards. */

/** Ends the reason; before it may stand what the handset answered. */
export const NO_REPORT = "no delivery report came";

export function reportReason(disposition: ImdnDisposition): string {
  return `the delivery report says ${disposition}`;
}

const reasons: readonly string[] = (Object.keys(reportEvents) as ImdnDisposition[]).map(reportReason);

/** What a change that no attempt made says of the delivery report; null: it is about something else. */
export function reportIn(reason: string): "came" | "missing" | null {
  if (reasons.includes(reason)) return "came";
  return reason.endsWith(NO_REPORT) ? "missing" : null;
}
