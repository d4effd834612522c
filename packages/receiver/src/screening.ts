import { BodyError, type BodyPart, type ContentDisposition, parseContentDisposition } from "@sip-push/bodies";
import { decodeNotification, formatOfContentType, type Notification, NotificationError } from "@sip-push/notification";
import { type ContentHeaders, contentCodings, fromRequest, mediaTypeOf, type ReceivedPush } from "@sip-push/push";
import { paramValue, type SipRequest, type Uri } from "@sip-push/sip";
import { type Refused, refuse } from "./answer.ts";
import type { Applications } from "./applications.ts";
import type { Carrier } from "./carrier.ts";
import { isEnvelope, readContent, unknownDisposition, withoutCodings } from "./content.ts";
import { chooseContent } from "./content-choice.ts";
import { partHeadersOf } from "./content-headers.ts";
import type { ReportRequest } from "./reports/report-request.ts";
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
  readonly peerNames: readonly string[];
}

/** A request that may bring a push. */
export interface Arrival {
  readonly request: SipRequest;
  readonly carrier: Carrier;
  readonly receivedAt: Date;
  readonly origin: RequestOrigin;
}

/** A push that may be handed over, but for its digest. */
export interface ScreenedPush {
  readonly applicationId: string | null;
  readonly contentType: string;
  /** Out of envelope, parts and codings. */
  readonly body: Uint8Array;
  readonly notification: Notification | null;
  readonly deliverBefore: Date | null;
  readonly expired: boolean;
  readonly priority: string | null;
  /** Null for a push that is its request's whole body, as it is. */
  readonly unwrapped: Unwrapped | null;
  readonly contentLanguage: string | null;
}

/** What only a push has that was wrapped, coded, or came with a disposition. */
export interface Unwrapped {
  readonly parts: readonly BodyPart[];
  readonly contentEncoding: string | null;
  readonly contentDisposition: ContentDisposition | null;
  /** Of the part; those of a body that is no envelope are the request's. */
  readonly partHeaders: ContentHeaders | null;
  readonly reports: ReportRequest | null;
}

export type Screened = Refused | { readonly push: ScreenedPush };

/** Content for one application: what the second half of the checks looks at. */
interface Offer extends Pick<ReceivedPush, "applicationIds" | "applicationIdSource"> {
  readonly contentType: string;
  readonly mediaType: string;
  readonly body: Uint8Array;
  readonly contentLanguage: string | null;
  readonly unwrapped: Unwrapped | null;
}

/**
 * The checks of a push, in order: dialog, size, content type there; then, for what is wrapped or coded, sender known,
 * disposition, envelope and coding; then trusted sender, application, type, expiry, notification. The codes are chosen so that a
 * sender knows what to do: 480 is tried again, 488 is not.
 */
export function screen(arrival: Arrival, rules: ScreeningRules): Screened {
  const { request, carrier, receivedAt } = arrival;
  if (carrier.refusesDialog && paramValue(request.to.params, "tag") !== undefined) return refuse(481, "no such dialog");
  const { body } = request;
  if (body.length > rules.maxBodyBytes) {
    return refuse(413, `body has ${body.length} octets, the limit is ${rules.maxBodyBytes}`);
  }
  const push = fromRequest(request, receivedAt);
  // RFC 3261 §20.15: a body has a type. Nothing at all is an empty text.
  if (push.mediaType === null && body.length > 0) return refuse(400, "Content-Type: missing");
  const mediaType = push.mediaType ?? "text/plain";
  const contentType = push.contentType ?? mediaType;
  if (push.contentEncoding !== null || push.contentDisposition !== null || isEnvelope(mediaType)) {
    return unwrap(arrival, push, contentType, rules);
  }
  const { applicationIds, applicationIdSource, contentLanguage } = push;
  const offer = { applicationIds, applicationIdSource, contentType, mediaType, body, contentLanguage, unwrapped: null };
  return screenOffer(arrival, push, offer, rules);
}

function unwrap(arrival: Arrival, push: ReceivedPush, contentType: string, rules: ScreeningRules): Screened {
  const { request, origin } = arrival;
  // Nothing is decoded for those who may not push anyhow.
  if (rules.trust?.knows({ ...origin, from: request.from.uri }) === false) return refuse(403, "sender not trusted");
  const whole = wholeBody(push, contentType);
  if ("refusal" in whole) return whole;
  const outer = refuseDisposition(whole, rules);
  if (outer !== undefined) return outer;
  const content = readContent(whole, rules.maxBodyBytes);
  if ("refusal" in content) return content;
  const choice = chooseContent(content, push, rules.applications);
  if ("refusal" in choice) return choice;
  const { applicationIds, applicationIdSource } = choice;
  // What is no part of a multipart is decoded already.
  const part = content.parts.length === 0 ? choice.part : withoutCodings(choice.part, rules.maxBodyBytes);
  if ("refusal" in part) return part;
  const inner = refuseDisposition(part, rules);
  if (inner !== undefined) return inner;
  const unwrapped: Unwrapped = {
    parts: content.parts,
    contentEncoding: contentCodings(part.contentEncoding).join(", ") || null,
    contentDisposition: part.contentDisposition ?? null,
    partHeaders: isEnvelope(push.mediaType ?? "") ? partHeadersOf(part) : null,
    reports: content.reports,
  };
  const offer: Offer = {
    applicationIds,
    applicationIdSource,
    contentType: part.contentType,
    mediaType: mediaTypeOf(part.contentType) ?? "",
    body: part.body,
    contentLanguage: languageOf(part) ?? push.contentLanguage,
    unwrapped,
  };
  return screenOffer(arrival, push, offer, rules);
}

function screenOffer(arrival: Arrival, push: ReceivedPush, offer: Offer, rules: ScreeningRules): Screened {
  const { request, receivedAt, origin } = arrival;
  const { mediaType, contentType, body, contentLanguage, unwrapped } = offer;
  const dispatch = rules.applications.dispatch(offer, mediaType);
  const applicationId = dispatch.kind === "application" ? dispatch.applicationId : (offer.applicationIds[0] ?? null);
  const trusted = rules.trust?.admits({ ...origin, from: request.from.uri, applicationId, mediaType }) ?? true;
  if (!trusted) return refuse(403, "sender not trusted");
  if (dispatch.kind === "unknown-application") {
    return refuse(488, `no application ${offer.applicationIds.join(", ")} here`);
  }
  if (dispatch.kind === "unsupported-type") return refuse(415, `${mediaType} not supported`, acceptOf(rules));
  const expired = isExpired(push, receivedAt, rules);
  // 480 and not a final refusal: our clock may be the wrong one. A sender whose clock agrees will not try again.
  if (expired && rules.expired === "refuse") return refuse(480, "the push has expired");
  const { deliverBefore, priority } = push;
  const notification = readNotification(body, mediaType);
  if (notification !== null && "refusal" in notification) return notification;
  return {
    push: {
      applicationId,
      contentType,
      body,
      notification,
      deliverBefore,
      expired,
      priority,
      unwrapped,
      contentLanguage,
    },
  };
}

function readNotification(body: Uint8Array, mediaType: string): Notification | Refused | null {
  if (formatOfContentType(mediaType) === null) return null;
  try {
    return decodeNotification(body, mediaType);
  } catch (error) {
    if (error instanceof NotificationError) return refuse(400, error.message);
    throw error;
  }
}

/** The body of a request as a part: what its header fields say of it. RFC 3261 §7.4.1. */
function wholeBody(push: ReceivedPush, contentType: string): BodyPart | Refused {
  const { body, contentEncoding, contentDisposition } = push;
  const part: BodyPart = { contentType, body, ...(contentEncoding === null ? {} : { contentEncoding }) };
  if (contentDisposition === null) return part;
  try {
    return { ...part, contentDisposition: parseContentDisposition(contentDisposition) };
  } catch (error) {
    if (error instanceof BodyError) return refuse(400, error.message);
    throw error;
  }
}

/** RFC 3261 §8.2.3, §20.11. Accept tells that the type is not what is wrong. */
function refuseDisposition({ contentDisposition }: BodyPart, rules: ScreeningRules): Refused | undefined {
  const unknown = unknownDisposition(contentDisposition);
  return unknown === undefined ? undefined : refuse(415, `disposition ${unknown} not supported`, acceptOf(rules));
}

function languageOf({ headers }: BodyPart): string | undefined {
  return headers?.find(([name]) => name.toLowerCase() === "content-language")?.[1];
}

function acceptOf({ applications }: ScreeningRules): readonly [readonly ["Accept", string]] {
  return [["Accept", applications.accept.join(", ")]];
}

/** RFC 3428 §7. */
function isExpired(
  { deliverBefore }: ReceivedPush,
  receivedAt: Date,
  { clockToleranceSeconds }: ScreeningRules,
): boolean {
  return deliverBefore !== null && deliverBefore.getTime() + clockToleranceSeconds * 1000 < receivedAt.getTime();
}
