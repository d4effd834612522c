import type { DigestClient } from "../auth/index.ts";
import type { SipRequest, SipResponse } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";
import type { SipEndpoint } from "../user-agent/endpoint.ts";
import type { RequestSender, SendFailureCode } from "../user-agent/request-sender.ts";
import type { EventHeader } from "./event-header.ts";
import type { JsonValue, SubscriptionStore } from "./subscription-store.ts";

/** A SUBSCRIBE whose form is right, for the application to judge. */
export interface SubscribeRequest {
  readonly request: SipRequest;
  /** The flow that brought it. */
  readonly flow: Flow;
  readonly event: EventHeader;
  /** Media types and ranges of Accept; empty when there is none. */
  readonly accept: readonly string[];
  /** What will be granted, maximum applied; 0 for a fetch or the end. */
  readonly expiresSeconds: number;
  /** The subscription that it refreshes or ends; undefined for a new one. */
  readonly subscription: Subscription | undefined;
}

/** The application's word on a SUBSCRIBE. */
export type SubscribeDecision =
  | {
      readonly verdict: "accept" | "pending";
      /** Kept with the subscription; unchanged on a refresh when left out. */
      readonly applicationData?: JsonValue;
      /** Who subscribed, for the limit per subscriber. Default the URI in From. */
      readonly subscriber?: string;
      /** What is subscribed to. Default the Request-URI. */
      readonly resource?: string;
      /** Grants less than asked for. */
      readonly expiresSeconds?: number;
      /** More header fields for the 200. */
      readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
    }
  | {
      readonly verdict: "refuse";
      /** 300 to 699; 403 or 603 when a rule says no (RFC 6665 §4.2.1.3). */
      readonly statusCode: number;
      readonly reason?: string;
      readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
    };

/** A subscription that another request than SUBSCRIBE makes. */
export interface ImplicitSubscription {
  /** How long it lasts at most: our choice (RFC 3515 §2.4.4). */
  readonly expiresSeconds: number;
  /** Of the answer. Default 202. */
  readonly statusCode?: number;
  /** More header fields for the answer. */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly applicationData?: JsonValue;
}

/** A live subscription, as the application sees it. */
export interface Subscription {
  readonly id: string;
  readonly event: EventHeader;
  readonly state: "pending" | "active" | "terminated";
  readonly resource: string;
  readonly subscriber: string;
  readonly accept: readonly string[];
  readonly applicationData: JsonValue;
  readonly expiresAt: Date;
  /** The subscriber's Contact URI. */
  readonly remoteTarget: string;
}

/** One NOTIFY to be. Texts are Unicode. */
export interface NotificationInit {
  /** The whole Event value when it is not just package and id: must have the subscription's package. */
  readonly event?: string;
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly contentType?: string;
  readonly body?: Uint8Array;
  /** Worth nothing from then on: one that still waits is not sent, and fails with SIP_EXPIRED. */
  readonly notAfter?: Date;
}

export type NotifyFailureCode =
  | SendFailureCode
  /** There is no such subscription. */
  | "SIP_NO_SUBSCRIPTION"
  /** It ended before this NOTIFY left. */
  | "SIP_SUBSCRIPTION_ENDED"
  /** Too many NOTIFYs of this subscription wait. */
  | "SIP_QUEUE_FULL"
  /** Its `notAfter` passed before it left. */
  | "SIP_EXPIRED";

/** How a NOTIFY ended. Nothing that was given to `notify` is lost without one of these. */
export type NotifyOutcome =
  | {
      readonly kind: "response";
      readonly response: SipResponse;
      readonly attempts: number;
      /** The answer, or what happened before, ended the subscription. */
      readonly subscriptionEnded: boolean;
    }
  | {
      readonly kind: "failure";
      readonly code: NotifyFailureCode;
      readonly reason: string;
      readonly retryable: boolean;
      readonly attempts: number;
      readonly subscriptionEnded: boolean;
    };

/** What happens at a notifier. */
export type NotifierReport =
  | { readonly kind: "created" | "refreshed" | "restored" | "granted"; readonly subscription: Subscription }
  /** `reason`: of Subscription-State, or `failed` when a NOTIFY ended it. */
  | { readonly kind: "ended"; readonly subscription: Subscription; readonly reason: string }
  /** A NOTIFY of the notifier itself (initial, state, final) was not taken: nobody else waits for its outcome. */
  | { readonly kind: "notify-failed"; readonly subscription: Subscription; readonly outcome: NotifyOutcome };

export interface NotifierOptions {
  readonly endpoint: SipEndpoint;
  readonly sender: RequestSender;
  /** The event package, `oma-push`. */
  readonly package: string;
  /** Contact of 200 and NOTIFY: a GRUU (RFC 6665 §4.5.1). A URI or a name-addr with parameters. */
  readonly contact: string | ((flow: Flow | undefined) => string);
  /**
   * Media types the package can give. A SUBSCRIBE whose Accept has none of them is 406 (§4.1.2.1). Left out: any.
   */
  readonly contentTypes?: readonly string[];
  /** All packages of this user agent, for Allow-Events (§4.4.4). Default this one. */
  readonly allowEvents?: readonly string[] | (() => readonly string[]);
  /** Judges new SUBSCRIBEs, refreshes and ends. Default: accept. A throw is answered 500. */
  readonly authorize?: (subscribe: SubscribeRequest) => SubscribeDecision | Promise<SubscribeDecision>;
  /**
   * The NOTIFYs that follow each accepted SUBSCRIBE at once (§4.2.1.2). With none, an empty one is sent: there must be
   * one. Default: none.
   */
  readonly initialNotifications?: (
    subscription: Subscription,
  ) => readonly NotificationInit[] | Promise<readonly NotificationInit[]>;
  readonly onReport?: (report: NotifierReport) => void;
  /** Default: in memory. */
  readonly store?: SubscriptionStore;
  /** Answers 401 and 407 to NOTIFYs. */
  readonly credentials?: DigestClient;
  /** More header fields for every NOTIFY. */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  /** Less is 423, but never what is an hour or more (§4.2.1.1). Default 60. */
  readonly minExpiresSeconds?: number;
  /** More is shortened. Default 86400. */
  readonly maxExpiresSeconds?: number;
  /** For a SUBSCRIBE without Expires. Default 3600. */
  readonly defaultExpiresSeconds?: number;
  /** More are 503 with Retry-After. Default 100000. */
  readonly maxSubscriptions?: number;
  /** More of one subscriber are 486 with Retry-After. Default 100. */
  readonly maxPerSubscriber?: number;
  /** NOTIFYs of one subscription that may wait; more are refused and counted. Default 64. */
  readonly maxQueued?: number;
  /** CSeq numbers reserved in the store by one write. Default 100. */
  readonly seqBlock?: number;
}
