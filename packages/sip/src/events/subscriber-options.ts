import type { DigestClient } from "../auth/index.ts";
import type { SipRequest, SipUri } from "../message/index.ts";
import type { Flow } from "../transport/transport.ts";
import type { EventHeader } from "./event-header.ts";
import type { SubscriptionStateHeader } from "./subscription-state.ts";

/** One NOTIFY of a subscription, checked: in its dialog, in order, of its event. */
export interface Notification {
  readonly event: EventHeader;
  readonly subscriptionState: SubscriptionStateHeader;
  /** Content-Type as written; null when there is none. */
  readonly contentType: string | null;
  readonly body: Uint8Array;
  readonly request: SipRequest;
  /** The flow that brought it. */
  readonly flow: Flow;
}

/** The answer to a NOTIFY. A code of {@link endsSubscription} ends the subscription (RFC 6665 §4.2.2). */
export interface NotificationAnswer {
  /** 200 to 699. */
  readonly statusCode: number;
  readonly reason?: string;
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
}

/** What became of a subscription. Every change is told once; `ended` is the last. */
export type SubscriptionReport =
  /** A NOTIFY said so: the first one, one that changes the state, and one after each refresh. */
  | { readonly kind: "pending" | "active"; readonly expiresSeconds: number }
  /** A NOTIFY ended it. */
  | {
      readonly kind: "terminated";
      readonly reason: string | null;
      /** When it is subscribed to again; 0 at once, null never. */
      readonly retryInMs: number | null;
    }
  /** No subscription, or no refresh: SUBSCRIBE was refused or not answered, or no NOTIFY came. It is tried again. */
  | {
      readonly kind: "failed";
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      readonly retryInMs: number;
    }
  /** It is over, for good. `sipStatus`: of the SUBSCRIBE that was refused for good, null otherwise. */
  | { readonly kind: "ended"; readonly sipStatus: number | null; readonly reason: string };

/** Texts are Unicode. */
export interface SubscriberOptions {
  /** Request-URI of the first SUBSCRIBE: the resource. */
  readonly target: string;
  /** From without its tag: a name-addr or a URI. */
  readonly from: string;
  /** To: a name-addr or a URI; the target when left out. */
  readonly to?: string;
  /** The whole Event value, `oma-push;event-app-id="x-wap-application:push.syncml"`. */
  readonly event: string;
  /**
   * Contact of each SUBSCRIBE, without brackets or a whole name-addr with parameters: a GRUU, or the address NOTIFYs shall
   * come to. A function is asked for each SUBSCRIBE, so that a new flow brings a new Contact.
   */
  readonly contact: string | (() => string);
  /** Media types for Accept; without them there is no Accept. */
  readonly accept?: readonly string[];
  /** More header fields for every SUBSCRIBE: Supported, Allow, Accept-Contact, P-Preferred-Identity, … */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
  readonly contentType?: string;
  readonly body?: Uint8Array;
  /** Asked for; the notifier may shorten it. 0 fetches the state once. Default 3600. */
  readonly expiresSeconds?: number;
  /** Route values of SUBSCRIBEs outside a dialog: a Service-Route (RFC 3608 §6.1). */
  readonly routeSet?: readonly string[] | (() => readonly string[]);
  /** First hop of SUBSCRIBEs outside a dialog, when neither the route set nor the target leads there. */
  readonly nextHop?: SipUri;
  /** Flow for all SUBSCRIBEs, a registered one (RFC 5626 §4.3); when it gives none, the target is located. */
  readonly flow?: () => Flow | undefined;
  /** Whether NOTIFYs would find the subscriber: it is registered, say. A refresh waits until they would. Default: always. */
  readonly reachable?: () => boolean;
  readonly credentials?: DigestClient;
  /**
   * Every NOTIFY; what it gives is the answer, 200 when it gives nothing. One that throws is answered 500. It may take its
   * time, but must not wait for people (RFC 6665 §4.1.3): past `answerTimeoutMs` the answer is 500.
   */
  readonly onNotify?: (
    notification: Notification,
  ) => NotificationAnswer | undefined | void | Promise<NotificationAnswer | undefined | void>;
  readonly onReport?: (report: SubscriptionReport) => void;
  /** Default 10000. */
  readonly answerTimeoutMs?: number;
  /** NOTIFYs that may wait for the application at a time; more are answered 500 with Retry-After. Default 64. */
  readonly maxRunning?: number;
  /** First wait after a failure; doubles. Default 2000. */
  readonly retryBaseMs?: number;
  /** Longest wait, unless the other side asks for more; default 1800000 (RFC 5626 §4.5). */
  readonly retryMaxMs?: number;
  /** Longest wait that the other side may ask for (Retry-After, retry-after). Default 86400000. */
  readonly retryAfterMaxMs?: number;
}
