import { checkNumbers, DEFAULT_MAX_BODY_BYTES, type NumberRange, type PnParams, PushInputError } from "@sip-push/push";
import {
  type Clock,
  type DigestAccount,
  DigestClient,
  type ListenAddress,
  type Logger,
  type RequestSenderOptions,
  type SipEndpoint,
  type SipEndpointOptions,
  type SipUri,
} from "@sip-push/sip";
import type { ReceiverApplication } from "./applications.ts";
import type { DigestPolicy } from "./digest-policy.ts";
import type { PushEvent, ReceiverEvent } from "./events.ts";
import type { PushHandlers } from "./handlers.ts";
import type { ReceiverRole } from "./own-requests.ts";
import { type PublishOptions, readPublish } from "./publication/index.ts";
import type { ReferPolicy } from "./referrals/index.ts";
import { pnUriParams } from "./registration/index.ts";
import { checkReportOptions, type ReportOptions, type ReportPolicy } from "./reports/index.ts";
import { sipUriOf } from "./sip-uri-option.ts";
import { readSubscription, type SubscriptionOptions } from "./subscriptions/index.ts";
import type { SubscriptionWish } from "./subscriptions/subscription-options.ts";
import type { TrustedPpg } from "./trust-policy.ts";

/** Bounds of a receiver: past them it refuses, or forgets the oldest. */
export interface PushReceiverLimits {
  /** Octets of a body; more is 413. Default 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Pushes that handlers may work on at a time; more is 486. Default 1000. */
  readonly maxInFlight?: number;
  /** Retry-After of that 486. Default 5. */
  readonly busyRetryAfterSeconds?: number;
  /** How long a handler may take, the look-up of digest credentials before it included. Default 20000: the sender waits 32 seconds (RFC 3261 §17.1.2.2). */
  readonly handlerTimeoutMs?: number;
  /**
   * How long a push is remembered, to answer its repeats alike without handing them over: longer than a sender may be down, or
   * pause, before it tries again. The request itself: five minutes of that at most. Default 3600000.
   */
  readonly repeatWindowMs?: number;
  /**
   * The same for the session of a notification, by server and session id; 0 hands over each. Default 300000: session ids have 16
   * bits, and some servers begin anew with each restart.
   */
  readonly sessionWindowMs?: number;
  /** Pushes, requests and sessions that are remembered; past it the oldest are forgotten early. Default 100000 each, of 200 octets. */
  readonly maxRemembered?: number;
  /** Pushes of one sender in a minute; more are 486 with Retry-After until it is over. Default: no limit. */
  readonly maxPushesPerMinute?: number;
  /** Subscriptions by reference at a time; a REFER for more is 486. Default 16. */
  readonly maxReferrals?: number;
}

/** Settings of a Push Receiver agent. */
export interface PushReceiverOptions {
  /** Address-of-record: `sip:` or `sips:` URI of the user. */
  readonly aor: string;
  /** Addresses to listen on, one per transport to be used. Needed unless `endpoint` is given. */
  readonly listen?: readonly ListenAddress[];
  /** An endpoint that the caller opened and closes, and whose requests for this receiver it passes to `handle`. */
  readonly endpoint?: SipEndpoint;
  /** First hop for REGISTER: `sip:` or `sips:` URI. Default: the domain of the AoR. */
  readonly proxy?: string;
  /**
   * Outbound proxies to register with, each over a flow of its own, instead of `proxy`; one alone gets two flows. RFC 5626 §4.2.
   * 1 to 8 URIs; needs `instanceId`.
   */
  readonly proxies?: readonly string[];
  /** Whether to register. Default true. */
  readonly register?: boolean;
  /** Asked of the registrar. Default 3600. */
  readonly expiresSeconds?: number;
  /** `urn:uuid:…`, the same over restarts. RFC 5626 §4.1. */
  readonly instanceId?: string;
  /** Value of P-Access-Network-Info, told to the first hop where nobody can listen. RFC 7315 §4.4. */
  readonly accessNetworkInfo?: string;
  /** The way to the first hop is secure by other means than TLS. Default false. */
  readonly trustedAccess?: boolean;
  /** How a push notification service wakes the device: parameters of the registered Contact. RFC 8599 §4.1. */
  readonly pushNotificationService?: PnParams;
  /** Answers challenges: by password, or by a USIM (AKA, RFC 3310, RFC 4169) whose private identity is the user name. */
  readonly credentials?: DigestClient | readonly DigestAccount[];
  /** Default `push.syncml`: DS notifications. */
  readonly applications?: ReadonlyArray<string | ReceiverApplication>;
  /** Who may push; others get 403. Default: everybody whom the network lets through. */
  readonly trustedPpgs?: readonly TrustedPpg[];
  /** Addresses, ranges or TLS names of hops whose P-Asserted-Identity is believed. Default: the proxy, as registered with. */
  readonly trustedHops?: readonly string[];
  /** How digests of notifications are checked. Default: not. */
  readonly digest?: DigestPolicy;
  /** Pushes past their deliver-before: `refuse` with 480 (default), or `accept` and mark them. */
  readonly expired?: "refuse" | "accept";
  /** How far the sender's clock may be off. Default 30. */
  readonly clockToleranceSeconds?: number;
  /**
   * Senders to subscribe to. A refusal for good (403, 489, …) stands until something changes that may change it: the
   * registration came back after it had failed, or the address or the applications are others.
   */
  readonly subscriptions?: readonly SubscriptionOptions[];
  /** What becomes of references to subscribe (REFER). Default `accept`. */
  readonly refer?: ReferPolicy;
  /** Whether, and where, to publish what the receiver can take. Default false. */
  readonly publish?: boolean | PublishOptions;
  /** Event packages for Allow-Events besides `oma-push` and `refer`. */
  readonly eventPackages?: readonly string[];
  readonly handlers?: PushHandlers;
  /** Where the receiver stands, which decides how its own requests say who it is. Default `plain`. */
  readonly role?: ReceiverRole;
  /**
   * What becomes of requests for delivery reports (RFC 5438) in pushes of `trustedPpgs` or, without that list, from trusted hops:
   * `send` (default), `never`, `forbid`, or settings.
   */
  readonly reports?: ReportPolicy | ReportOptions;
  /** Hears of every push that was handed over, after its answer. */
  readonly onPush?: (event: PushEvent) => void;
  /** Hears of everything else. */
  readonly onEvent?: (event: ReceiverEvent) => void;
  readonly limits?: PushReceiverLimits;
  /** Default: the machine's. */
  readonly clock?: Clock;
  /** Default: silent. */
  readonly logger?: Logger;
  /** TLS material, timers, resolver, … of the SIP stack. */
  readonly stack?: Omit<SipEndpointOptions, "listen" | "onRequest" | "clock" | "logger"> &
    Omit<RequestSenderOptions, "endpoint">;
}

export const defaultLimits: Required<PushReceiverLimits> = {
  maxBodyBytes: DEFAULT_MAX_BODY_BYTES,
  maxInFlight: 1000,
  busyRetryAfterSeconds: 5,
  handlerTimeoutMs: 20_000,
  repeatWindowMs: 3_600_000,
  sessionWindowMs: 300_000,
  maxRemembered: 100_000,
  maxPushesPerMinute: Number.POSITIVE_INFINITY,
  maxReferrals: 16,
};

/** The options that need reading, read. */
export interface ReadOptions {
  readonly aor: SipUri;
  /** The first hop: `proxy`, else the first of `proxies`. */
  readonly proxy: SipUri | undefined;
  readonly proxies: readonly SipUri[] | undefined;
  readonly credentials: DigestClient | undefined;
  readonly subscriptions: readonly SubscriptionWish[];
  readonly publish: PublishOptions | undefined;
}

/** delta-seconds of RFC 3261 §25.1. */
const MAX_SECONDS = 0xffff_ffff;

export const limitRanges: Readonly<Record<keyof PushReceiverLimits, NumberRange>> = {
  maxBodyBytes: {},
  maxInFlight: {},
  busyRetryAfterSeconds: { max: MAX_SECONDS, integer: true },
  // A longer timer would fire at once.
  handlerTimeoutMs: { max: 0x7fff_ffff },
  repeatWindowMs: {},
  sessionWindowMs: {},
  maxRemembered: {},
  maxPushesPerMinute: { min: 1 },
  maxReferrals: { integer: true },
};

/** RFC 5626 §4.2.1; as the stack has it. */
const MAX_PROXIES = 8;

/** @throws {PushInputError} PUSH_BAD_OPTION naming the option. */
export function readOptions(options: PushReceiverOptions): ReadOptions {
  checkNumbers(options.limits ?? {}, limitRanges, "limits.");
  const { expiresSeconds, clockToleranceSeconds } = options;
  const registerRange = { min: 1, max: MAX_SECONDS, integer: true };
  checkNumbers({ expiresSeconds, clockToleranceSeconds }, { expiresSeconds: registerRange, clockToleranceSeconds: {} });
  checkReportOptions(reportOptionsOf(options));
  const aor = sipUriOf(options.aor, "aor");
  if (aor.user === undefined && options.register !== false) {
    throw new PushInputError("PUSH_BAD_OPTION", "aor", "has no user part to register; write sip:user@domain");
  }
  if (options.endpoint === undefined && (options.listen ?? []).length === 0) {
    throw new PushInputError("PUSH_BAD_OPTION", "listen", "give addresses to listen on, or an endpoint");
  }
  const { pushNotificationService, subscriptions = [], publish = false } = options;
  if (pushNotificationService !== undefined) checkService(pushNotificationService);
  const proxies = proxiesOf(options);
  return {
    aor,
    proxy: options.proxy === undefined ? proxies?.[0] : sipUriOf(options.proxy, "proxy"),
    proxies,
    credentials: digestClientOf(options),
    subscriptions: subscriptions.map((each, index) => readSubscription(each, `subscriptions[${index}]`)),
    publish: readPublish(publish),
  };
}

function proxiesOf({ proxy, proxies, instanceId }: PushReceiverOptions): readonly SipUri[] | undefined {
  if (proxies === undefined) return undefined;
  const bad = (problem: string): PushInputError => new PushInputError("PUSH_BAD_OPTION", "proxies", problem);
  if (proxy !== undefined) throw bad("is given as well as proxy");
  if (instanceId === undefined) throw bad("needs instanceId: all flows are of one instance (RFC 5626 §4.1)");
  if (proxies.length < 1 || proxies.length > MAX_PROXIES) throw bad(`must name 1 to ${MAX_PROXIES} proxies`);
  return proxies.map((each, index) => sipUriOf(each, `proxies[${index}]`));
}

function checkService(service: PnParams): void {
  try {
    pnUriParams(service);
  } catch (error) {
    if (!(error instanceof PushInputError)) throw error;
    const problem = error.message.slice(error.field.length + 2);
    throw new PushInputError("PUSH_BAD_OPTION", `pushNotificationService.${error.field}`, problem, { cause: error });
  }
}

/** The settings for reports, also when only the policy is given. */
export function reportOptionsOf({ reports = {} }: Pick<PushReceiverOptions, "reports">): ReportOptions {
  return typeof reports === "string" ? { policy: reports } : reports;
}

function digestClientOf({ credentials, aor }: PushReceiverOptions): DigestClient | undefined {
  if (credentials === undefined || credentials instanceof DigestClient) return credentials;
  return new DigestClient({ accounts: credentials, nextHop: () => aor });
}
