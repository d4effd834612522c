import { decodeNotification, formatOfContentType, type Notification, NotificationError } from "@sip-push/notification";
import { contentCodings, fromMessageRequest, type ReceivedPush } from "@sip-push/push";
import { paramValue, type SipRequest, type Uri } from "@sip-push/sip";
import { explained, oneLine, type Refusal } from "./answer.ts";
import type { Applications } from "./applications.ts";
import type { TrustList } from "./trust-policy.ts";

/** What the checks of a receiver compare with. */
export interface ScreeningRules {
  readonly applications: Applications;
  /** Undefined admits everybody. */
  readonly trust: TrustList | undefined;
  readonly maxBodyBytes: number;
  /** What to do about a push whose deliver-before has passed. */
  readonly expired: "refuse" | "accept";
  /** How far the clocks of sender and handset may be apart. */
  readonly clockToleranceSeconds: number;
}

/** Where a request came from. */
export interface RequestOrigin {
  readonly assertedIdentities: readonly Uri[];
  readonly sourceAddress: string;
}

/** A push that may be handed over, but for its digest. */
export interface ScreenedPush {
  readonly applicationId: string | null;
  readonly contentType: string;
  readonly notification: Notification | null;
  readonly deliverBefore: Date | null;
  readonly expired: boolean;
}

export type Screened = { readonly refusal: Refusal } | { readonly push: ScreenedPush };

/**
 * The checks of a push, in order: dialog, size, content type there, trusted sender, application, type, coding, expiry,
 * notification. The codes are chosen so that a sender knows what to do: 480 is tried again, 488 is not.
 */
export function screen(request: SipRequest, receivedAt: Date, origin: RequestOrigin, rules: ScreeningRules): Screened {
  if (paramValue(request.to.params, "tag") !== undefined) {
    return refuse(481, "no such dialog"); // RFC 3261 §12.2.2: a MESSAGE in a dialog that is not ours.
  }
  const { body } = request;
  if (body.length > rules.maxBodyBytes) {
    return refuse(413, `body has ${body.length} octets, the limit is ${rules.maxBodyBytes}`);
  }
  const push = fromMessageRequest(request, receivedAt);
  // RFC 3261 §20.15: a body has a type. Nothing at all is an empty text.
  if (push.mediaType === null && body.length > 0) return refuse(400, "Content-Type: missing");
  const mediaType = push.mediaType ?? "text/plain";
  const dispatch = rules.applications.dispatch(push, mediaType);
  const applicationId = dispatch.kind === "application" ? dispatch.applicationId : (push.applicationIds[0] ?? null);
  const trusted = rules.trust?.admits({ ...origin, from: request.from.uri, applicationId, mediaType }) ?? true;
  if (!trusted) return refuse(403, "sender not trusted");
  if (dispatch.kind === "unknown-application")
    return refuse(488, `no application ${push.applicationIds.join(", ")} here`);
  if (dispatch.kind === "unsupported-type") {
    return refuse(415, `${mediaType} not supported`, [["Accept", rules.applications.accept.join(", ")]]);
  }
  if (contentCodings(push.contentEncoding ?? undefined).length > 0) {
    return refuse(415, "content coding not supported", [["Accept-Encoding", "identity"]]);
  }
  const expired = isExpired(push, receivedAt, rules);
  // 480 and not a final refusal: our clock may be the wrong one. A sender whose clock agrees will not try again.
  if (expired && rules.expired === "refuse") return refuse(480, "the push has expired");
  const contentType = push.contentType ?? mediaType;
  const { deliverBefore } = push;
  if (formatOfContentType(mediaType) === null) {
    return { push: { applicationId, contentType, notification: null, deliverBefore, expired } };
  }
  try {
    const notification = decodeNotification(body, mediaType);
    return { push: { applicationId, contentType, notification, deliverBefore, expired } };
  } catch (error) {
    if (error instanceof NotificationError) return refuse(400, error.message);
    throw error;
  }
}

/** RFC 3428 §7. */
function isExpired(
  { deliverBefore }: ReceivedPush,
  receivedAt: Date,
  { clockToleranceSeconds }: ScreeningRules,
): boolean {
  return deliverBefore !== null && deliverBefore.getTime() + clockToleranceSeconds * 1000 < receivedAt.getTime();
}

/** @param text may hold what the peer wrote, of any length: it is cut, and kept without the request that it is a part of. */
function refuse(statusCode: number, text: string, headers: Refusal["headers"] = []): { refusal: Refusal } {
  const problem = oneLine(text);
  return { refusal: { statusCode, problem, headers, reason: explained(statusCode, problem) } };
}
