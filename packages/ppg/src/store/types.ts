import type { DeliveryMethod, Priority, ReplaceMethod } from "@sip-push/pap";
import type { JsonValue } from "@sip-push/sip";
import type { DeliveryState, FinalState, LiveState } from "../delivery/delivery.machine.ts";

/* Plain data that goes into the store and comes out. Wall times are milliseconds since 1970 (UTC). */

/** One recipient of a push. */
export interface SubmittedRecipient {
  /** The address-value as the initiator wrote it; unlike the others of its push. */
  readonly address: string;
  /** Where it goes: a SIP or tel URI in its one spelling. The address, where nobody can be reached at that. */
  readonly recipient: string;
  /** Final at once, with a result of its own: nobody can be reached at this address. Default: it is delivered to. */
  readonly rejected?: Rejection;
}

/** Why a delivery ends as it is submitted. PAP 2.x result code. */
export interface Rejection {
  readonly papCode: number;
  readonly reason: string;
}

/** What a push is, whoever it goes to. */
export interface PushContent {
  /** Who submitted it, as authenticated. */
  readonly initiator: string;
  /** Unique per initiator for as long as the push is kept. */
  readonly pushId: string;
  readonly priority: Priority;
  readonly deliveryMethod: DeliveryMethod;
  /** Not before; null: at once. */
  readonly deliverAfterMs: number | null;
  /** Not after; null: no limit. */
  readonly deliverBeforeMs: number | null;
  /** Where results are wanted; null: nowhere. */
  readonly notifyUrl: string | null;
  readonly progressNotesRequested: boolean;
  readonly contentType: string;
  readonly content: Uint8Array;
  /** The capabilities entity as it came; null: none. */
  readonly capabilities: Uint8Array | null;
  /** What else is to be kept with it: application id, header fields, source-reference, network. */
  readonly applicationData: JsonValue;
}

/** A push to accept. PAP 2.x push-message. */
export interface PushSubmission extends PushContent {
  readonly recipients: readonly SubmittedRecipient[];
  /** The push that it replaces, of the same initiator; null: none. */
  readonly replace: { readonly pushId: string; readonly method: ReplaceMethod } | null;
}

/**
 * - `accepted`: committed. `rejected`: those of its deliveries that ended with that, in their order. `held`: its delivery, which the
 *   caller has as if it had claimed it; null: it is to be claimed.
 * - `duplicate`: the initiator has used this push-id (PAP 2007). `replacedNotFound`: no such push to replace (2004).
 * - `nothingToReplace`: `pending-only`, and for each of the addresses it is final, or the handset or a relay has it (2008). Nothing is
 *   stored.
 */
export type SubmitResult =
  | {
      readonly result: "accepted";
      readonly id: number;
      readonly rejected: readonly RejectedDelivery[];
      readonly held: ClaimedDelivery | null;
    }
  | { readonly result: "duplicate" }
  | { readonly result: "replacedNotFound" }
  | { readonly result: "nothingToReplace" };

/** A delivery that ended as its push was submitted: nobody can be reached at its address, or nothing was pending for it to replace. */
export interface RejectedDelivery extends Pick<SubmittedRecipient, "address" | "recipient">, Rejection {
  readonly delivery: number;
}

/** A push as it is kept. */
export interface StoredPush extends PushContent {
  readonly id: number;
  readonly acceptedAtMs: number;
}

/** What a change of a delivery is conditional on: nothing happened to it since, and nobody else holds it. */
export interface DeliveryLease {
  readonly id: number;
  /** Counts the changes of the delivery. */
  readonly version: number;
  /** Who claimed it; null: nobody holds it. */
  readonly owner: string | null;
}

/** A delivery as it is kept. */
export interface DeliveryRecord extends DeliveryLease {
  /** Id of its push. */
  readonly push: number;
  readonly address: string;
  readonly recipient: string;
  readonly priority: Priority;
  readonly state: DeliveryState;
  /** When it is looked at next; the end of the lease while somebody holds it; null when it is final. */
  readonly dueAtMs: number | null;
  /** Attempts begun. */
  readonly attempts: number;
  /** Call-ID of all its attempts, so that the receiver knows a repetition. */
  readonly callId: string;
  /** Of the last attempt; null: none, or no response. */
  readonly sipStatus: number | null;
  /** PAP 2.x result code so far: 1001 at first. */
  readonly papCode: number;
  readonly reason: string;
  /** When it last changed. */
  readonly eventAtMs: number;
  /** The initiator took it back while it was under way. */
  readonly cancelRequested: boolean;
}

/** A delivery that the caller holds now. */
export interface ClaimedDelivery extends DeliveryRecord {
  readonly owner: string;
  readonly state: "sending" | "waiting-report";
  /** What it was before: `sending` when another node left it under way. */
  readonly wokenFrom: LiveState;
  /** It is to take the place of a push only where that is pending, and that one has reached this recipient in the meantime. */
  readonly overtaken: boolean;
  /** The same object for all recipients of the push in one claim. */
  readonly content: StoredPush;
}

export interface ClaimRequest {
  readonly owner: string;
  readonly limit: number;
  readonly nowMs: number;
  readonly leaseMs: number;
}

/** Who takes deliveries as they are submitted, how many, and for how long. */
export type HoldRequest = Omit<ClaimRequest, "nowMs">;

/** One change of state, decided by the delivery machine. */
export interface DeliveryAdvance {
  readonly lease: DeliveryLease;
  readonly to: DeliveryState;
  readonly atMs: number;
  /** When it is to be claimed next; null for a final state, and only then. */
  readonly dueAtMs: number | null;
  readonly sipStatus: number | null;
  readonly papCode: number;
  readonly reason: string;
  /** When the attempt began that ended in this; null: it is not about an attempt. */
  readonly attemptStartedAtMs: number | null;
  /** It was claimed to be sent, and ends without that: the claim counts as no attempt. Default: false. */
  readonly unsent?: boolean;
}

/**
 * - `done`: committed; nobody holds the delivery now.
 * - `stale`: somebody else changed or holds it; forget it.
 * - `cancelRequested`: not done, because the initiator took it back meanwhile and it would have been tried again; `reason`: how.
 */
export type AdvanceResult =
  | { readonly result: "done"; readonly version: number }
  | { readonly result: "stale" }
  | { readonly result: "cancelRequested"; readonly reason: TakeBackReason };

/** Why a delivery was taken back, by a cancel-message or a replacement: kept as its reason. */
export type TakeBackReason = "cancelled" | "replaced";

/** `released`: handed back. `cancelled`: the initiator took it back meanwhile, and it ended so. `stale`: it was not held any more. */
export type ReleaseResult = "released" | "cancelled" | "stale";

/** A delivery that ended because its initiator took it back, by a cancel-message or a replacement. */
export interface TakenBack {
  readonly push: number;
  readonly pushId: string;
  readonly initiator: string;
  readonly acceptedAtMs: number;
  readonly delivery: number;
  readonly recipient: string;
  readonly from: LiveState;
  readonly atMs: number;
  readonly sipStatus: number | null;
  readonly papCode: number;
  readonly reason: string;
}

/** What has a time at which it is due. */
export type WorkKind = "deliveries" | "results";

/** One entry of a delivery's timeline. */
export interface TimelineEntry {
  readonly version: number;
  readonly atMs: number;
  readonly state: DeliveryState;
  readonly sipStatus: number | null;
  readonly papCode: number;
  readonly reason: string;
  readonly attemptStartedAtMs: number | null;
  /** Who did it; null: intake, or the initiator. */
  readonly owner: string | null;
}

/** Which push. */
export interface PushName {
  readonly initiator: string;
  readonly pushId: string;
}

/** Which push, and which of its recipients; no addresses: all. */
export interface PushSelector extends PushName {
  readonly addresses?: readonly string[];
}

/**
 * - `cancelled`: taken back. `requested`: under way; it ends after this attempt at the latest (1001). `notPossible`: it is final, or the
 *   handset or a relay has it (PAP 2008). `addressNotFound`: not a recipient of the push (2002).
 */
export type CancelVerdict = "cancelled" | "requested" | "notPossible" | "addressNotFound";

export interface CancelledAddress {
  readonly address: string;
  readonly verdict: CancelVerdict;
}

/** A push with its deliveries; undelivered content is not read. */
export interface PushStatus {
  readonly push: Omit<StoredPush, "content" | "capabilities">;
  readonly deliveries: readonly DeliveryRecord[];
}

/** A console's question. All given members must match. */
export interface DeliveryQuery {
  readonly initiator?: string;
  readonly pushId?: string;
  readonly recipient?: string;
  readonly state?: DeliveryState;
  /** The `next` of the page before. */
  readonly after?: number;
  readonly limit: number;
}

/** A delivery, with what its push is known by. */
export interface FoundDelivery extends DeliveryRecord {
  readonly initiator: string;
  readonly pushId: string;
  readonly acceptedAtMs: number;
}

export interface DeliveryPage {
  /** Newest first; may be fewer than the limit, even none, with a `next`: much was looked at that did not match. */
  readonly deliveries: readonly FoundDelivery[];
  /** Where the next page goes on; null: there is none. */
  readonly next: number | null;
}

/** A result that the caller is to tell the initiator. PAP 2.x resultnotification-message. */
export interface ResultNotification {
  /** Id of the push: results of one push come one at a time, in the order in which they came about. */
  readonly push: number;
  readonly owner: string;
  /** 1 is the first result of the push. */
  readonly sequence: number;
  /** Attempts so far, this one included. */
  readonly attempts: number;
  readonly notifyUrl: string;
  readonly initiator: string;
  readonly pushId: string;
  readonly address: string;
  readonly messageState: FinalState;
  readonly papCode: number;
  readonly reason: string;
  readonly receivedAtMs: number;
  readonly eventAtMs: number;
  readonly priority: Priority;
  readonly deliveryMethod: DeliveryMethod;
  /** Of its push. */
  readonly applicationData: JsonValue;
}

/** What became of telling one result of a push; a push that wants no results has none. */
export interface NotificationRecord {
  readonly delivery: number;
  /** 1 is the first result of the push. */
  readonly sequence: number;
  /** `queued`: not tried. `retry`: tried, or being tried. `accepted`: told. `abandoned`: given up. */
  readonly state: "queued" | "retry" | "accepted" | "abandoned";
  /** Begun. */
  readonly attempts: number;
  /** When it is tried next, or the end of the lease of who tries it; null: it waits for an earlier one, or is settled. */
  readonly nextAtMs: number | null;
  readonly settledAtMs: number | null;
}

/**
 * `accepted`: told. `abandoned`: given up. `retry`: again at `atMs`; later results of the push wait. `postponed`: the same, without
 * an attempt, which is not counted.
 */
export interface NotificationVerdict {
  readonly notification: Pick<ResultNotification, "push" | "owner" | "sequence">;
  readonly verdict: "accepted" | "abandoned" | "retry" | "postponed";
  readonly atMs: number;
}

export type StateCounts = Readonly<Record<DeliveryState, number>>;
