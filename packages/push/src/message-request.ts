import { type ChargingVectorInit, createRequest, type NotificationInit, type SipRequest } from "@sip-push/sip";
import type { Representation } from "./accept.ts";
import { type AcceptContactFlags, serializeAcceptContact } from "./feature-tag.ts";
import { chargingHeaders, identityHeaders } from "./identity-headers.ts";
import { serializeOmaPushEvent } from "./oma-push-event.ts";
import type { PushMessage, Validity } from "./push-message.ts";
import { type ReportRequestInit, withReportRequest } from "./report-envelope.ts";

type HeaderFields = ReadonlyArray<readonly [name: string, value: string]>;

/**
 * Where the sender stands, which decides how it says who it is (RFC 3325): `isc`: an application server inside the trust
 * domain, asserts (P-Asserted-Identity); `gm`: a terminal, states a preference (P-Preferred-Identity); `plain`: a network
 * without either.
 */
export type SenderRole = "isc" | "gm" | "plain";

/** What all requests of one sender have in common. */
export interface PushBinding {
  readonly role: SenderRole;
  /** From: a name-addr or a URI. */
  readonly from: string;
  /** Identity to assert or prefer, as `from`. Default: `from`. */
  readonly identity?: string;
  /** The user for whom the requests are made, as `from`: P-Served-User, originating (RFC 5502). Inside a trust domain only. */
  readonly servedUser?: string;
  /** Each request outside a dialog carries a new P-Charging-Vector (RFC 7315). Inside a trust domain only. Default: none does. */
  readonly chargingVector?: ChargingVectorInit;
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
  /** Asks for delivery reports: the content travels in message/cpim. The same Message-ID for all attempts of a push. */
  readonly report?: ReportRequestInit;
}

/** What differs from one NOTIFY to the next. */
export interface NotificationAttempt extends Pick<PushAttempt, "representation" | "report"> {
  /** URI of the subscriber, for the To of a message/cpim. */
  readonly to: string;
  /** Date of the request. */
  readonly date?: string;
}

/** Makes the requests of one sender; what does not change with each push is made once. */
export class PushRequestFactory {
  readonly #binding: PushBinding;
  readonly #tail: HeaderFields;
  /** By application id as given; applications are few, and a bound keeps it so. */
  readonly #acceptContact = new Map<string, readonly [string, string]>();

  constructor(binding: PushBinding) {
    const { route = [], userAgent } = binding;
    this.#binding = binding;
    const tail: Array<readonly [string, string]> = route.map((hop) => ["Route", hop] as const);
    tail.push(...identityHeaders(binding));
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
    const { requestUri, to = requestUri, callId, fromTag, cseq } = attempt;
    const content = this.#contentOf(push, attempt, to);
    const headers = this.#tail.slice();
    if (this.#binding.chargingVector !== undefined) headers.push(...chargingHeaders(this.#binding));
    if (push.applicationId !== null) headers.push(this.#acceptContactFor(push.applicationId));
    if (attempt.validity !== undefined) {
      headers.push(["Date", attempt.validity.date], ["Expires", String(attempt.validity.expiresSeconds)]);
    }
    if (push.priority !== undefined) headers.push(["Priority", push.priority]);
    if (push.headers !== undefined) headers.push(...push.headers);
    headers.push(...contentHeaders(content), ["Content-Type", content.contentType]);
    return createRequest({
      method: "MESSAGE",
      requestUri,
      from: this.#binding.from,
      to,
      callId,
      fromTag,
      cseq,
      headers,
      body: content.body,
    });
  }

  /**
   * The NOTIFY for a push, for a live `oma-push` subscription: the Event names exactly one application
   * (draft-mdolly-dispatch-oma-push-00 §11.2), whatever the SUBSCRIBE listed; the notifier adds the `id` of the subscription. The push must have passed `checkPush`.
   *
   * There is no Expires: in NOTIFY it is not defined (RFC 3265 §7.2, SUBSCRIBE only), and Subscription-State has an `expires` of
   * its own. Nothing stores a NOTIFY on its way, so the sender alone keeps the deadline. There is no Accept-Contact either:
   * the dialog says who gets it.
   *
   * @throws {PushInputError} PUSH_BAD_APPLICATION_ID for a push without an application.
   */
  notification(push: PushMessage, attempt: NotificationAttempt): NotificationInit {
    const content = this.#contentOf(push, attempt, attempt.to);
    const headers: Array<readonly [string, string]> = [];
    if (attempt.date !== undefined) headers.push(["Date", attempt.date]);
    if (push.priority !== undefined) headers.push(["Priority", push.priority]);
    if (push.headers !== undefined) headers.push(...push.headers);
    headers.push(...contentHeaders(content));
    const applicationIds = push.applicationId === null ? [] : [push.applicationId];
    const { contentType, body } = content;
    return { event: serializeOmaPushEvent({ applicationIds }), headers, contentType, body };
  }

  #contentOf(
    push: PushMessage,
    { representation = push, report }: Pick<PushAttempt, "representation" | "report">,
    to: string,
  ): Representation {
    return report === undefined ? representation : withReportRequest(representation, this.#binding.from, to, report);
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

/** The header fields of content, but for its type. */
function contentHeaders(content: Representation): HeaderFields {
  const { contentEncoding, contentLanguage, contentDisposition, contentId, contentHeaders: others } = content;
  const headers: Array<readonly [string, string]> = [];
  if (contentEncoding !== undefined) headers.push(["Content-Encoding", contentEncoding]);
  if (contentLanguage !== undefined) headers.push(["Content-Language", contentLanguage]);
  if (contentDisposition !== undefined) headers.push(["Content-Disposition", contentDisposition]);
  if (contentId !== undefined) headers.push(["Content-ID", `<${contentId}>`]);
  if (others !== undefined) headers.push(...others);
  return headers;
}
