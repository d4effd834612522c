import type { Priority } from "@sip-push/pap";
import type { PushMessage, PushPriority } from "@sip-push/push";
import type { PushDetails } from "../push-details.ts";
import type { StoredPush } from "../store/types.ts";

/** PAP 2.x priority as RFC 3261 §20.26 has it; normal is what a request without one has. */
const priorities: Readonly<Record<Priority, PushPriority | undefined>> = {
  high: "urgent",
  medium: undefined,
  low: "non-urgent",
};

/** Whether a delivery report is asked for. PAP 2.x delivery-method. */
export function wantsReport({ deliveryMethod }: Pick<StoredPush, "deliveryMethod">): boolean {
  return deliveryMethod === "confirmed" || deliveryMethod === "preferconfirmed";
}

/** What intake kept with the push; what is missing there is null. */
export function detailsOf({ applicationData }: Pick<StoredPush, "applicationData">): Partial<PushDetails> {
  return applicationData !== null && typeof applicationData === "object" && !Array.isArray(applicationData)
    ? (applicationData as Partial<PushDetails>)
    : {};
}

/** A stored push as the sender takes it. */
export function pushMessageOf(push: StoredPush): PushMessage {
  const { applicationId, contentEncoding, contentLanguage, contentDisposition, contentId, contentHeaders } =
    detailsOf(push);
  const priority = priorities[push.priority];
  return {
    applicationId: applicationId ?? null,
    contentType: push.contentType,
    body: push.content,
    report: wantsReport(push) ? "receiver" : "none",
    ...(contentEncoding != null && { contentEncoding }),
    ...(contentLanguage != null && { contentLanguage }),
    ...(contentDisposition != null && { contentDisposition }),
    ...(contentId !== undefined && { contentId }),
    ...(contentHeaders !== undefined && { contentHeaders }),
    ...(push.deliverBeforeMs !== null && { deliverBefore: new Date(push.deliverBeforeMs) }),
    ...(priority !== undefined && { priority }),
  };
}
