import {
  decodeText,
  eventOf,
  parseMediaType,
  parseSeconds,
  parseSipDate,
  type SipHeaders,
  SipParseError,
  type SipRequest,
} from "@sip-push/sip";
import { parseApplicationId } from "./application-ids.ts";
import { applicationIdOfMediaType } from "./content-types.ts";
import { acceptContactApplications } from "./feature-tag.ts";
import { type OmaPushEventOptions, readOmaPushEvent } from "./oma-push-event.ts";

/** Where the application id of a received push was found. */
export type ApplicationIdSource = "accept-contact" | "event" | "x-wap-application-id" | "content-type";

/** A push as it came in a MESSAGE or a NOTIFY. */
export interface ReceivedPush {
  readonly via: "message" | "notify";
  /** Applications it is for, as short names, the preferred first; empty when nothing names one. */
  readonly applicationIds: readonly string[];
  readonly applicationIdSource: ApplicationIdSource | null;
  /** `type/subtype` in lower case; null when there is none. */
  readonly mediaType: string | null;
  /** Content-Type as written, with its parameters; null when there is none. */
  readonly contentType: string | null;
  /** A view into the received octets. */
  readonly body: Uint8Array;
  readonly contentEncoding: string | null;
  readonly contentLanguage: string | null;
  /** As written; null when there is none. */
  readonly contentDisposition: string | null;
  /** RFC 3261 §20.26, as written. */
  readonly priority: string | null;
  /** When it is worth nothing any more; null when it does not expire, and in a NOTIFY, where Expires means nothing. */
  readonly deliverBefore: Date | null;
}

/**
 * Reads the push out of a MESSAGE or a NOTIFY. The application is the one in Accept-Contact, of a NOTIFY the one in Event; else in
 * X-Wap-Application-Id; else the one to which the Content-Type belongs.
 *
 * @param receivedAt from when Expires counts if there is no Date. RFC 3428 §7.
 * @throws {SipParseError} SIP_BAD_HEADER when Content-Type or Expires is malformed; the stack has refused such requests before.
 */
export function fromRequest(request: SipRequest, receivedAt: Date, options: OmaPushEventOptions = {}): ReceivedPush {
  const { headers, body, method } = request;
  const contentType = headers.get("Content-Type") ?? null;
  const mediaType = contentType === null ? null : parseMediaType(contentType).type;
  const via = method === "NOTIFY" ? "notify" : "message";
  const disposition = headers.get("Content-Disposition");
  return {
    via,
    ...applicationsOf(request, mediaType, options),
    mediaType,
    contentType: contentType === null ? null : decodeText(contentType),
    body,
    contentEncoding: headers.has("Content-Encoding") ? headers.list("Content-Encoding").join(", ") : null,
    contentLanguage: headers.get("Content-Language") ?? null,
    contentDisposition: disposition === undefined ? null : decodeText(disposition),
    priority: headers.get("Priority") ?? null,
    deliverBefore: via === "notify" ? null : deliverBeforeOf(request, receivedAt),
  };
}

/** As {@link fromRequest}, with its default options. */
export function fromMessageRequest(request: SipRequest, receivedAt: Date): ReceivedPush {
  return fromRequest(request, receivedAt);
}

function applicationsOf(
  { headers, method }: SipRequest,
  mediaType: string | null,
  options: OmaPushEventOptions,
): Pick<ReceivedPush, "applicationIds" | "applicationIdSource"> {
  const named = method === "NOTIFY" ? eventApplications(headers, options) : [];
  if (named.length > 0) return { applicationIds: named, applicationIdSource: "event" };
  const asked = acceptContactApplications(headers);
  if (asked.length > 0) return { applicationIds: asked, applicationIdSource: "accept-contact" };
  const wap = parseApplicationId(headers.get("X-Wap-Application-Id") ?? "");
  if (wap !== undefined) return { applicationIds: [wap], applicationIdSource: "x-wap-application-id" };
  const byType = mediaType === null ? undefined : applicationIdOfMediaType(mediaType);
  if (byType !== undefined) return { applicationIds: [byType], applicationIdSource: "content-type" };
  return { applicationIds: [], applicationIdSource: null };
}

/** The applications that the Event of a NOTIFY names; none when it names none that can be read. */
function eventApplications(headers: SipHeaders, options: OmaPushEventOptions): readonly string[] {
  try {
    const read = readOmaPushEvent(eventOf(headers), options);
    return read.kind === "event" ? read.event.applicationIds : [];
  } catch (error) {
    if (error instanceof SipParseError) return [];
    throw error;
  }
}

/** The last moment that a `Date` can hold; a later one would be an invalid date. ECMAScript 21.4.1.1. */
const MAX_DATE_MS = 8.64e15;

function deliverBeforeOf({ headers }: SipRequest, receivedAt: Date): Date | null {
  const expires = headers.get("Expires");
  if (expires === undefined) return null;
  const written = headers.get("Date");
  const date = (written ? parseSipDate(written) : undefined) ?? receivedAt;
  return new Date(Math.min(date.getTime() + parseSeconds(expires, "Expires") * 1000, MAX_DATE_MS));
}
