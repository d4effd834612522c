import { hash } from "node:crypto";
import type { BodyPart, ContentDisposition, DispositionRequest } from "@sip-push/bodies";
import { type Notification, type NotificationJson, notificationToJson } from "@sip-push/notification";
import type { ContentHeaders, PnParams } from "@sip-push/push";
import { contentHeadersOf } from "./content-headers.ts";
import type { CapabilityPublicationEvent } from "./publication/index.ts";
import type { ReferralEvent } from "./referrals/index.ts";
import type { DeliveryReportEvent } from "./reports/index.ts";
import type { SubscriptionEvent } from "./subscriptions/index.ts";

/**
 * - `valid`: made with the password and nonce of its server. `invalid`: not so; handed over only when the policy says `accept`.
 * - `unchecked`: there is no notification, its format has no digest, or its server is not known.
 */
export type DigestState = "valid" | "invalid" | "unchecked";

/** Header fields to read. Values are octet strings as on the wire: `decodeText` of `@sip-push/sip` makes Unicode of them. */
export interface HeaderFields {
  /** First value of `name`, in any case. */
  get(name: string): string | undefined;
  getAll(name: string): string[];
  has(name: string): boolean;
  /** All, in order, with their full names. */
  [Symbol.iterator](): Iterator<readonly [name: string, value: string]>;
}

/** The push notification service that woke the handset: parameters of its registered Contact. RFC 8599 §4.1. */
export interface PushResource {
  /** `pn-provider`: the service, such as `apns`. */
  readonly provider: string;
  /** `pn-prid`: which resource there. */
  readonly prid: string | null;
  /** `pn-param`: more that the service needs. */
  readonly param: string | null;
}

/** A push that passed all checks, as handlers get it. */
export interface IncomingPush {
  /** URI of From: what the sender says it is. */
  readonly from: string;
  /** First URI of P-Asserted-Identity, believed only from a trusted hop; null otherwise. RFC 3325. */
  readonly assertedIdentity: string | null;
  /** Short name of the application it is for; null for a text without one. */
  readonly applicationId: string | null;
  /** As on the wire, with parameters; of the content, when it came in an envelope or in parts. */
  readonly contentType: string;
  /**
   * The octets of the content, out of envelope, parts and codings. They may be a view into a larger buffer, so copy what is
   * kept for long.
   */
  readonly body: Uint8Array;
  /** Octets of the body. */
  readonly length: number;
  /** SHA-256 of the body, lower-case hex; computed when it is first read. */
  readonly sha256: string;
  /** How it came. */
  readonly via: "message" | "notify" | "msrp";
  readonly callId: string;
  /** The decoded notification; null when the content is something else. */
  readonly notification: Notification | null;
  readonly digest: DigestState;
  /** When it is worth nothing any more; null when it does not expire. */
  readonly deliverBefore: Date | null;
  /** Past `deliverBefore` and handed over all the same, because the policy says so: tell the user (RFC 3428 §7). */
  readonly expired: boolean;
  /** Priority in lower case; null when it does not say. RFC 3261 §20.26: `emergency`, `urgent`, `normal`, `non-urgent`, … */
  readonly priority: string | null;
  readonly subject: string | null;
  /** Content codings that were taken off `body`, in the order in which they had been put on; null for none. */
  readonly contentEncoding: string | null;
  /** Language tags of the content; null when it does not say. RFC 3261 §20.13. */
  readonly contentLanguage: string | null;
  /** What the content is for, when the sender says so. RFC 3261 §20.11. */
  readonly contentDisposition: ContentDisposition | null;
  /** All parts of a multipart body, the content among them, still with their codings; empty for others. RFC 2046 §5.1. */
  readonly parts: readonly BodyPart[];
  /** Delivery reports that the sender asks for; empty when none. RFC 5438 §6.2. */
  readonly reportsAsked: readonly DispositionRequest[];
  /** Null unless the request came to a Contact with such parameters. */
  readonly pushResource: PushResource | null;
  /** Header fields of content that came in an envelope; null: they are among `headers`. `contentHeadersOf` tells either. */
  readonly partHeaders: ContentHeaders | null;
  /** Everything else that the request says. */
  readonly headers: HeaderFields;
}

/** A push and how it was answered. */
export interface PushEvent extends IncomingPush {
  readonly event: "push";
  /** What the request was answered with: for a NOTIFY that the user is asked about, before the user answered. */
  readonly sipStatus: number;
}

/** A push that the receiver answered without handing it over. Text is the peer's and not to be trusted. */
export interface RefusedEvent {
  readonly event: "refused";
  readonly from: string;
  readonly callId: string;
  readonly contentType: string | null;
  readonly length: number;
  readonly sipStatus: number;
  readonly reason: string;
}

/** What happens to a receiver besides pushes. */
export type ReceiverEvent =
  | { readonly event: "listening"; readonly uri: string }
  | {
      readonly event: "registered";
      readonly aor: string;
      readonly contact: string;
      readonly expiresSeconds: number;
      /** As configured: what the Contact told the registrar. RFC 8599 §4.1. */
      readonly pushNotificationService?: PnParams;
    }
  | {
      readonly event: "registration-failed";
      readonly aor: string;
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      readonly retryInMs: number;
    }
  | { readonly event: "unregistered"; readonly aor: string }
  | SubscriptionEvent
  | ReferralEvent
  | CapabilityPublicationEvent
  | DeliveryReportEvent
  | RefusedEvent;

/** A part of a push in JSON: what it is, not what is in it. */
export interface PushPartJson {
  readonly contentType: string;
  readonly contentId: string | null;
  readonly length: number;
}

/** A {@link PushEvent} as one line of JSON: what `sip-push receive --json` prints. New fields come after the old. */
export interface PushEventJson
  extends Pick<
    PushEvent,
    | "event"
    | "from"
    | "assertedIdentity"
    | "applicationId"
    | "contentType"
    | "length"
    | "sha256"
    | "via"
    | "callId"
    | "sipStatus"
    | "digest"
    | "priority"
    | "subject"
    | "contentEncoding"
    | "contentLanguage"
    | "reportsAsked"
    | "pushResource"
  > {
  readonly notification: NotificationJson | null;
  /** ISO 8601, UTC. */
  readonly deliverBefore: string | null;
  /** The disposition type. */
  readonly contentDisposition: string | null;
  readonly parts: readonly PushPartJson[];
  readonly contentHeaders: ContentHeaders;
}

/** The JSON form of a push event. The body is left out; length and hash stand for it. */
export function pushEventToJson(push: PushEvent): PushEventJson {
  const { event, from, assertedIdentity, applicationId, contentType, length, sha256, via, callId, sipStatus } = push;
  const { digest, priority, subject, contentEncoding, contentLanguage, reportsAsked, pushResource } = push;
  return {
    event,
    from,
    assertedIdentity,
    applicationId,
    contentType,
    length,
    sha256,
    via,
    callId,
    sipStatus,
    notification: push.notification === null ? null : notificationToJson(push.notification),
    digest,
    priority,
    subject,
    deliverBefore: push.deliverBefore?.toISOString() ?? null,
    contentEncoding,
    contentLanguage,
    contentDisposition: push.contentDisposition?.type ?? null,
    parts: push.parts.map((part) => ({
      contentType: part.contentType,
      contentId: part.contentId ?? null,
      length: part.body.length,
    })),
    reportsAsked,
    pushResource,
    contentHeaders: contentHeadersOf(push),
  };
}

const hashes = new WeakMap<Uint8Array, string>();

/** One getter for all: an accessor in an object literal gives each object a shape of its own, which costs more than all else. */
const lazyHash: PropertyDescriptor & ThisType<IncomingPush> = {
  enumerable: true,
  configurable: true,
  get(): string {
    const known = hashes.get(this.body) ?? hash("sha256", this.body, "hex");
    hashes.set(this.body, known);
    return known;
  },
};

/**
 * A push as handlers get it; `sha256` is computed when somebody reads it.
 *
 * @param fields becomes the push.
 */
export function incomingPush(fields: Omit<IncomingPush, "sha256">): IncomingPush {
  return Object.defineProperty(fields, "sha256", lazyHash) as IncomingPush;
}

/** The event for a push that was answered with `sipStatus`. */
export function pushEvent(push: IncomingPush, sipStatus: number): PushEvent {
  const { from, assertedIdentity, applicationId, contentType, body, length } = push;
  const { via, callId, notification, digest, deliverBefore, expired } = push;
  const { priority, subject, contentEncoding, contentLanguage, contentDisposition } = push;
  const { parts, reportsAsked, pushResource, partHeaders, headers } = push;
  // Not `{ ...push }`, which would read the hash.
  const event = {
    event: "push",
    from,
    assertedIdentity,
    applicationId,
    contentType,
    body,
    length,
    via,
    callId,
    notification,
    digest,
    deliverBefore,
    expired,
    priority,
    subject,
    contentEncoding,
    contentLanguage,
    contentDisposition,
    parts,
    reportsAsked,
    pushResource,
    partHeaders,
    headers,
    sipStatus,
  };
  return Object.defineProperty(event, "sha256", lazyHash) as PushEvent;
}
