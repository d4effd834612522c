import { type ImdnDisposition, type MessageState, type PapCode, papCodes } from "@sip-push/push";
import type { DeliveryEvent } from "./delivery.machine.ts";

/** What the delivery machine needs of an outcome: a `PushOutcome` of the sender has all of it. */
export interface AttemptOutcome {
  readonly messageState: MessageState;
  readonly papCode: PapCode;
  /** The same push may be delivered when it is tried later. */
  readonly retryable: boolean;
  /** What the handset's delivery report says (RFC 5438 §7.2.1.1); null without one. */
  readonly report: ImdnDisposition | null;
}

/** What a delivery report is to the delivery machine. RFC 5438 §7.2.1.1. */
export const reportEvents: Readonly<Record<ImdnDisposition, DeliveryEvent>> = {
  delivered: "reportDelivered",
  failed: "reportFailed",
  forbidden: "reportUnknown",
  error: "reportUnknown",
};

/** Of outcomes that are the last word of their attempt. `pending` is a relay's 202 then. */
const lastEvents: Readonly<Record<MessageState, DeliveryEvent>> = {
  rejected: "undeliverable",
  pending: "accepted",
  delivered: "delivered",
  undeliverable: "undeliverable",
  expired: "deadline",
  aborted: "aborted",
  timeout: "timedOut",
  cancelled: "withdrawn",
  unknown: "lost",
};

/** The event that the end of an attempt is to the delivery machine. */
export function deliveryEventOf({ messageState, papCode, retryable, report }: AttemptOutcome): DeliveryEvent {
  if (report !== null) return reportEvents[report];
  if (!retryable) return lastEvents[messageState];
  if (papCode === papCodes.cannotReachDestination) return "absent";
  return messageState === "timeout" ? "noAnswer" : "unavailable";
}
