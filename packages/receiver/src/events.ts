import { hash } from "node:crypto";
import { type Notification, type NotificationJson, notificationToJson } from "@sip-push/notification";

/**
 * - `valid`: made with the password and nonce of its server. `invalid`: not so; handed over only when the policy says `accept`.
 * - `unchecked`: there is no notification, its format has no digest, or its server is not known.
 */
export type DigestState = "valid" | "invalid" | "unchecked";

/** A push that passed all checks, as handlers get it. */
export interface IncomingPush {
  /** URI of From: what the sender says it is. */
  readonly from: string;
  /** First URI of P-Asserted-Identity, believed only from a trusted hop; null otherwise. RFC 3325. */
  readonly assertedIdentity: string | null;
  /** Short name of the application it is for; null for a text without one. */
  readonly applicationId: string | null;
  /** As on the wire, with parameters. */
  readonly contentType: string;
  /** The octets received; they may be a view into a larger buffer, so copy what is kept for long. */
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
}

/** A push and how it was answered. */
export interface PushEvent extends IncomingPush {
  readonly event: "push";
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
  | { readonly event: "registered"; readonly aor: string; readonly contact: string; readonly expiresSeconds: number }
  | {
      readonly event: "registration-failed";
      readonly aor: string;
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      readonly retryInMs: number;
    }
  | { readonly event: "unregistered"; readonly aor: string }
  | RefusedEvent;

/** A {@link PushEvent} as one line of JSON: what `sip-push receive --json` prints. */
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
  > {
  readonly notification: NotificationJson | null;
}

/** The JSON form of a push event. The body is left out; length and hash stand for it. */
export function pushEventToJson(push: PushEvent): PushEventJson {
  const { event, from, assertedIdentity, applicationId, contentType, length, sha256, via, callId, sipStatus } = push;
  const notification = push.notification === null ? null : notificationToJson(push.notification);
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
    notification,
    digest: push.digest,
  };
}

/** A push as handlers get it; `sha256` is computed when somebody reads it. */
export function incomingPush(fields: Omit<IncomingPush, "sha256">): IncomingPush {
  const { from, assertedIdentity, applicationId, contentType, body, length } = fields;
  const { via, callId, notification, digest, deliverBefore, expired } = fields;
  let sha256: string | undefined;
  return {
    from,
    assertedIdentity,
    applicationId,
    contentType,
    body,
    length,
    get sha256(): string {
      sha256 ??= hash("sha256", body, "hex");
      return sha256;
    },
    via,
    callId,
    notification,
    digest,
    deliverBefore,
    expired,
  };
}

/** The event for a push that was answered with `sipStatus`. */
export function pushEvent(push: IncomingPush, sipStatus: number): PushEvent {
  const { from, assertedIdentity, applicationId, contentType, body, length } = push;
  const { via, callId, notification, digest, deliverBefore, expired } = push;
  return {
    event: "push",
    from,
    assertedIdentity,
    applicationId,
    contentType,
    body,
    length,
    // Not `{ ...push }`, which would read it.
    get sha256(): string {
      return push.sha256;
    },
    via,
    callId,
    notification,
    digest,
    deliverBefore,
    expired,
    sipStatus,
  };
}
