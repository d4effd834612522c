import { createRequest, decodeText, parseMediaType, parseSeconds, parseSipDate, type SipRequest } from "@sip-push/sip";
import type { Representation } from "./accept.ts";
import { parseApplicationId } from "./application-ids.ts";
import { applicationIdOfMediaType } from "./content-types.ts";
import { type AcceptContactFlags, acceptContactApplications, serializeAcceptContact } from "./feature-tag.ts";
import type { PushMessage, Validity } from "./push-message.ts";

type HeaderFields = ReadonlyArray<readonly [name: string, value: string]>;

/**
 * Where the sender stands, which decides how it says who it is (RFC 3325): `isc`: an application server inside the trust
 * domain, asserts (P-Asserted-Identity); `gm`: a terminal, states a preference (P-Preferred-Identity); `plain`: a network
 * without either.
 */
export type SenderRole = "isc" | "gm" | "plain";

/** The header field with the sender's identity, by role. */
const identityHeaders: Readonly<Record<SenderRole, string | undefined>> = {
  isc: "P-Asserted-Identity",
  gm: "P-Preferred-Identity",
  plain: undefined,
};

/** What all requests of one sender have in common. */
export interface PushBinding {
  readonly role: SenderRole;
  /** From: a name-addr or a URI. */
  readonly from: string;
  /** Identity to assert or prefer, as `from`. Default: `from`. */
  readonly identity?: string;
  /** Preloaded route set: name-addrs, topmost first. RFC 3261 §8.1.2. */
  readonly route?: readonly string[];
  readonly acceptContact?: AcceptContactFlags;
  readonly userAgent?: string;
}

/** What differs from one attempt to the next. */
export interface PushAttempt {
  readonly requestUri: string;
  /** To; the Request-URI when left out. It stays when a redirection changes the Request-URI (RFC 3261 §8.1.3.4). */
  readonly to?: string;
  readonly callId: string;
  readonly fromTag: string;
  readonly cseq: number;
  /** Date and Expires; left out for a push that does not expire. */
  readonly validity?: Validity;
  /** Instead of the push's own content. */
  readonly representation?: Representation;
}

/** Makes the requests of one sender; what does not change with each push is made once. */
export class PushRequestFactory {
  readonly #binding: PushBinding;
  readonly #tail: HeaderFields;
  /** By application id as given; applications are few, and a bound keeps it so. */
  readonly #acceptContact = new Map<string, readonly [string, string]>();

  constructor(binding: PushBinding) {
    const { role, from, identity = from, route = [], userAgent } = binding;
    this.#binding = binding;
    const tail: Array<readonly [string, string]> = route.map((hop) => ["Route", hop] as const);
    const identityHeader = identityHeaders[role];
    if (identityHeader !== undefined) tail.push([identityHeader, identity.includes("<") ? identity : `<${identity}>`]);
    // RFC 3841 §9.1: two handsets that both take it would be a silent double delivery.
    tail.push(["Request-Disposition", "no-fork"]);
    if (userAgent !== undefined) tail.push(["User-Agent", userAgent]);
    this.#tail = tail;
  }

  /**
   * The MESSAGE for a push: RFC 3428 §4, with the header fields of OMA SIP Push. The body goes as it is (SIP is 8-bit clean),
   * and there is no Contact. The push must have passed `checkPush`.
   */
  message(push: PushMessage, attempt: PushAttempt): SipRequest {
    const { contentType, body, contentEncoding, contentLanguage } = attempt.representation ?? push;
    const headers = this.#tail.slice();
    if (push.applicationId !== null) headers.push(this.#acceptContactFor(push.applicationId));
    if (attempt.validity !== undefined) {
      headers.push(["Date", attempt.validity.date], ["Expires", String(attempt.validity.expiresSeconds)]);
    }
    if (push.priority !== undefined) headers.push(["Priority", push.priority]);
    if (push.headers !== undefined) headers.push(...push.headers);
    if (contentEncoding !== undefined) headers.push(["Content-Encoding", contentEncoding]);
    if (contentLanguage !== undefined) headers.push(["Content-Language", contentLanguage]);
    headers.push(["Content-Type", contentType]);
    const { requestUri, to = requestUri, callId, fromTag, cseq } = attempt;
    return createRequest({
      method: "MESSAGE",
      requestUri,
      from: this.#binding.from,
      to,
      callId,
      fromTag,
      cseq,
      headers,
      body,
    });
  }

  #acceptContactFor(applicationId: string): readonly [string, string] {
    let field = this.#acceptContact.get(applicationId);
    if (field === undefined) {
      field = ["Accept-Contact", serializeAcceptContact(applicationId, this.#binding.acceptContact)];
      if (this.#acceptContact.size < 1000) this.#acceptContact.set(applicationId, field);
    }
    return field;
  }
}

/** The MESSAGE for one push, as {@link PushRequestFactory.message} makes it. */
export function toMessageRequest(push: PushMessage, binding: PushBinding, attempt: PushAttempt): SipRequest {
  return new PushRequestFactory(binding).message(push, attempt);
}

/** Where the application id of a received push was found. */
export type ApplicationIdSource = "accept-contact" | "x-wap-application-id" | "content-type";

/** A push as it came in a MESSAGE. */
export interface ReceivedPush {
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
  readonly priority: string | null;
  /** When it is worth nothing any more; null when it does not expire. */
  readonly deliverBefore: Date | null;
}

/**
 * Reads the push out of a MESSAGE. The application is the one in Accept-Contact, else in X-Wap-Application-Id, else the one
 * to which the Content-Type belongs.
 *
 * @param receivedAt from when Expires counts if there is no Date. RFC 3428 §7.
 * @throws {SipParseError} SIP_BAD_HEADER when Content-Type or Expires is malformed; the stack has refused such requests before.
 */
export function fromMessageRequest(request: SipRequest, receivedAt: Date): ReceivedPush {
  const { headers, body } = request;
  const contentType = headers.get("Content-Type") ?? null;
  const mediaType = contentType === null ? null : parseMediaType(contentType).type;
  return {
    ...applicationsOf(request, mediaType),
    mediaType,
    contentType: contentType === null ? null : decodeText(contentType),
    body,
    contentEncoding: headers.has("Content-Encoding") ? headers.list("Content-Encoding").join(", ") : null,
    contentLanguage: headers.get("Content-Language") ?? null,
    priority: headers.get("Priority") ?? null,
    deliverBefore: deliverBeforeOf(request, receivedAt),
  };
}

function applicationsOf(
  { headers }: SipRequest,
  mediaType: string | null,
): Pick<ReceivedPush, "applicationIds" | "applicationIdSource"> {
  const asked = acceptContactApplications(headers);
  if (asked.length > 0) return { applicationIds: asked, applicationIdSource: "accept-contact" };
  const wap = parseApplicationId(headers.get("X-Wap-Application-Id") ?? "");
  if (wap !== undefined) return { applicationIds: [wap], applicationIdSource: "x-wap-application-id" };
  const byType = mediaType === null ? undefined : applicationIdOfMediaType(mediaType);
  if (byType !== undefined) return { applicationIds: [byType], applicationIdSource: "content-type" };
  return { applicationIds: [], applicationIdSource: null };
}

/** The last moment that a `Date` can hold; a later one would be an invalid date. ECMAScript 21.4.1.1. */
const MAX_DATE_MS = 8.64e15;

function deliverBeforeOf({ headers }: SipRequest, receivedAt: Date): Date | null {
  const expires = headers.get("Expires");
  if (expires === undefined) return null;
  const date = parseSipDate(headers.get("Date") ?? "") ?? receivedAt;
  return new Date(Math.min(date.getTime() + parseSeconds(expires, "Expires") * 1000, MAX_DATE_MS));
}
