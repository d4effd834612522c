import type { AcceptContactFlags, SenderRole } from "@sip-push/push";
import type {
  ChargingVectorInit,
  Clock,
  DigestAccount,
  DigestClient,
  ListenAddress,
  Logger,
  RequestSenderOptions,
  SipEndpoint,
  SipEndpointOptions,
  SubscriptionStore,
} from "@sip-push/sip";
import type { CapabilityLifetimes, CapabilityStore } from "./capabilities/index.ts";
import type { SenderEvent } from "./events.ts";
import type { RetryOptions } from "./outcome.ts";
import type { ReportBook, ReportPolicy } from "./reports/index.ts";
import type { SubscriptionPolicy } from "./subscriptions/index.ts";

/** How a push travels: in a NOTIFY where the handset subscribed and else in a MESSAGE, or always in one of the two. */
export type DeliveryVia = "auto" | "message" | "notify";

/** What is learnt of handsets before and while pushes go to them. */
export interface CapabilityOptions {
  /** Subscribe to `presence` of those who are pushed to. Default false. */
  readonly presence?: boolean;
  /**
   * Ask with OPTIONS, once, about those of whom nothing is known; pushes to them wait for the answer, 5 seconds at most.
   * Default false.
   */
  readonly query?: boolean;
  /** How long what is learnt holds where the source does not say. */
  readonly lifetimesSeconds?: CapabilityLifetimes;
  /** Where it outlives the process. Default: nowhere. */
  readonly store?: CapabilityStore;
}

/** Bounds of a sender: past them it refuses and counts. */
export interface PushSenderLimits {
  /** Octets of a body. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Recipients of one call of `deliver`. Default 10000. */
  readonly maxRecipients?: number;
  /** Deliveries under way or waiting; more get the outcome 4001, retryable. Default 200000. */
  readonly maxPending?: number;
}

/** Settings of a Push Sender agent. */
export interface PushSenderOptions {
  /** From of the requests: URI or name-addr. */
  readonly from: string;
  /** Addresses to send from, one per transport to be used. Needed unless `endpoint` is given. */
  readonly listen?: readonly ListenAddress[];
  /** An endpoint that the caller opened and closes; it brings clock and logger. */
  readonly endpoint?: SipEndpoint;
  /** Where it stands, hence how it says who it is. Default `isc`: an application server (reference point P-2). */
  readonly role?: SenderRole;
  /** Identity to assert or prefer, as `from`. Default: `from`. */
  readonly identity?: string;
  /**
   * P-Charging-Vector in each request outside a dialog, with an identifier of its own (RFC 7315 §4.6); with an object also who
   * makes them and for which network. Role `isc` only: the first hop of an application server is inside the trust domain, and
   * the core takes it off at the border. Default false.
   */
  readonly chargingVector?: boolean | ChargingVectorInit;
  /**
   * The user for whom the sender acts, as `from`: P-Served-User with `sescase=orig` (RFC 5502), for a `route` to that user's
   * S-CSCF that has the parameter `orig`. Role `isc` only. Default: it acts for itself.
   */
  readonly servedUser?: string;
  /** Outbound proxy: `sip:` or `sips:` URI of the next hop. Default: the topmost `route`, else the recipient's own domain. */
  readonly proxy?: string;
  /** Preloaded route set: name-addrs or URIs, topmost first; `<sip:scscf.home.test;lr;orig>` for the originating services. */
  readonly route?: readonly string[];
  /** Host, and port if need be, for `tel:` recipients. */
  readonly domain?: string;
  /** Answers 401 and 407. */
  readonly credentials?: DigestClient | readonly DigestAccount[];
  /** Flags of Accept-Contact. Default both: only handsets that registered the application are reached. */
  readonly acceptContact?: AcceptContactFlags;
  /** How pushes travel unless a call says otherwise. Default `auto`. */
  readonly via?: DeliveryVia;
  /**
   * URI by which the core and handsets reach this sender: Contact of what it sends in dialogs. Default: the user of `from`
   * at its listening address.
   */
  readonly contact?: string;
  /** Registers `from` with the core, so that requests to it come here. For a core without a route to the sender. Default false. */
  readonly register?: boolean;
  /**
   * Asked of the registrar. Default 300, and refreshed after half of that: over UDP nothing else tells that the core restarted and
   * forgot where the sender is.
   */
  readonly registerExpiresSeconds?: number;
  /**
   * The trust domain: addresses, ranges, or names in TLS certificates of the peers whose P-Asserted-Identity is believed
   * (RFC 3325 §2), and whose third-party REGISTERs are taken. Default nobody.
   */
  readonly trusted?: readonly string[];
  /**
   * The core sends third-party REGISTERs (TS 24.229 §5.4.1.7): a push that waits for a registration goes on waiting for one when
   * `reg` cannot be watched, to its deadline if none comes. Default false: then such a push ends at once, until the first came.
   */
  readonly thirdPartyRegister?: boolean;
  /** Who may subscribe to pushes; with `requireAsserted: false` also publish capabilities unasserted. */
  readonly subscriptions?: SubscriptionPolicy;
  /**
   * Where subscriptions outlive the process: a sender that closes leaves them there. Default: in memory, and a sender that closes ends
   * them, each with a NOTIFY that asks the handset to come back in a while (RFC 6665 §4.1.3, probation).
   */
  readonly subscriptionStore?: SubscriptionStore;
  readonly capabilities?: CapabilityOptions;
  /** Whose delivery reports count. */
  readonly reports?: ReportPolicy;
  /** Takes the reports about pushes that this sender does not wait for: those that have a `chain`. Default: they are unknown. */
  readonly reportBook?: ReportBook;
  /** Hears of subscriptions, registrations and reports. */
  readonly onEvent?: (event: SenderEvent) => void;
  /** User-Agent. Default `sip-push`. */
  readonly userAgent?: string;
  /** Try again later by itself. Default: no, the outcome says `retryable`. */
  readonly retry?: RetryOptions;
  /**
   * Several requests to one URI at a time. RFC 3428 §8 forbids that where the way may be congested, so the default is false:
   * pushes to one URI follow each other.
   */
  readonly allowOverlap?: boolean;
  readonly limits?: PushSenderLimits;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** One `info` line per outcome. Default: silent. */
  readonly logger?: Logger;
  /** TLS material, timers, resolver, windows, … of the SIP stack. */
  readonly stack?: Omit<SipEndpointOptions, "listen" | "onRequest" | "clock" | "logger"> &
    Omit<RequestSenderOptions, "endpoint">;
}
