import {
  type AcceptContactFlags,
  checkNumbers,
  type PushBinding,
  PushInputError,
  type SenderRole,
} from "@sip-push/push";
import {
  type ChargingVectorInit,
  type Clock,
  type DigestAccount,
  DigestClient,
  type ListenAddress,
  type Logger,
  parseHostPort,
  parseNameAddr,
  type RequestSenderOptions,
  type SipEndpoint,
  type SipEndpointOptions,
  SipParseError,
  type SipUri,
  type SubscriptionStore,
  TrustConfigError,
  TrustDomain,
} from "@sip-push/sip";
import { partyKey } from "./aor.ts";
import type { CapabilityLifetimes, CapabilityStore } from "./capabilities/index.ts";
import type { SenderEvent } from "./events.ts";
import type { RetryOptions } from "./outcome.ts";
import { isSecureHop, parseSipOption } from "./recipient.ts";
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

/** The options that need reading, read. */
export interface ReadOptions {
  readonly binding: PushBinding;
  readonly nextHop: SipUri | undefined;
  /** `proxy`, else the first of `route`. */
  readonly firstHop: SipUri | undefined;
  /** The first hop is known, by `proxy` or `route`, and not reached over TLS. */
  readonly insecureHop: boolean;
  readonly credentials: DigestClient | undefined;
  readonly trust: TrustDomain;
}

/** Asked of the registrar unless told otherwise. */
export const REGISTER_EXPIRES_SECONDS = 300;

const limitRanges = { maxBodyBytes: {}, maxRecipients: {}, maxPending: {} };
/** RFC 3261 §20.19. */
const expiresRange = { min: 1, max: 0xffff_ffff, integer: true };
const subscriptionRanges = {
  minExpiresSeconds: { ...expiresRange, min: 0 },
  maxExpiresSeconds: expiresRange,
  maxSubscriptions: {},
};
const lifetimeRanges = { registration: {}, options: {}, publication: {}, presence: {}, refusal: {} };
const retryRanges = { maxRetries: {}, initialMs: {}, maxMs: {}, jitter: { max: 1 } };

/** @throws {PushInputError} PUSH_BAD_OPTION naming the option. */
export function readOptions(options: PushSenderOptions): ReadOptions {
  const { from, identity, route, role = "isc", acceptContact, userAgent = "sip-push", proxy, domain } = options;
  checkNumbers(options.limits ?? {}, limitRanges, "limits.");
  checkNumbers(options.retry ?? {}, retryRanges, "retry.");
  const { registerExpiresSeconds } = options;
  checkNumbers({ registerExpiresSeconds }, { registerExpiresSeconds: expiresRange });
  const { minExpiresSeconds, maxExpiresSeconds, maxSubscriptions } = options.subscriptions ?? {};
  checkNumbers({ minExpiresSeconds, maxExpiresSeconds, maxSubscriptions }, subscriptionRanges, "subscriptions.");
  checkNumbers(options.capabilities?.lifetimesSeconds ?? {}, lifetimeRanges, "capabilities.lifetimesSeconds.");
  checkAddress(from, "from");
  if (identity !== undefined) checkAddress(identity, "identity");
  if (options.contact !== undefined) parseSipOption(options.contact, "contact");
  if (options.register === true && !/<?sips?:/i.test(from)) {
    throw new PushInputError("PUSH_BAD_OPTION", "register", "needs a sip: or sips: address in from");
  }
  const isc = iscBinding(options, role);
  for (const [index, uri] of (options.reports?.intermediaries ?? []).entries()) {
    if (partyKey(uri) !== undefined) continue;
    throw new PushInputError("PUSH_BAD_OPTION", `reports.intermediaries[${index}]`, "is no sip:, sips: or tel: URI");
  }
  if (domain !== undefined) reading("domain", () => parseHostPort(domain, "domain"));
  if (options.endpoint === undefined && (options.listen ?? []).length === 0) {
    throw new PushInputError("PUSH_BAD_OPTION", "listen", "give addresses to send from, or an endpoint");
  }
  if (/[\r\n\0]/.test(userAgent)) throw new PushInputError("PUSH_BAD_OPTION", "userAgent", "holds a line break or NUL");
  const routeSet = route?.map((hop, index) => {
    checkAddress(hop, `route[${index}]`);
    return hop.includes("<") ? hop : `<${hop}>`;
  });
  const nextHop = proxy === undefined ? undefined : parseSipOption(proxy, "proxy");
  const firstRoute = routeSet?.[0] === undefined ? undefined : parseNameAddr(routeSet[0], "route[0]").uriText;
  const firstHop = nextHop ?? (firstRoute === undefined ? undefined : parseSipOption(firstRoute, "route[0]"));
  return {
    binding: {
      from,
      role,
      userAgent,
      ...isc,
      ...(identity === undefined ? {} : { identity }),
      ...(routeSet === undefined ? {} : { route: routeSet }),
      ...(acceptContact === undefined ? {} : { acceptContact }),
    },
    nextHop,
    firstHop,
    insecureHop: firstHop !== undefined && !isSecureHop(firstHop),
    credentials: digestClientOf(options),
    trust: trustOf(options.trusted ?? []),
  };
}

/** What only an application server says, to the core that trusts it. RFC 7315 §4.6, RFC 5502 §7.1. */
function iscBinding(
  { chargingVector = false, servedUser }: PushSenderOptions,
  role: SenderRole,
): Pick<PushBinding, "chargingVector" | "servedUser"> {
  if (servedUser !== undefined) checkAddress(servedUser, "servedUser");
  const given = { servedUser: servedUser !== undefined, chargingVector: chargingVector !== false };
  for (const [option, isGiven] of Object.entries(given)) {
    if (isGiven && role !== "isc") throw new PushInputError("PUSH_BAD_OPTION", option, "is for the role isc");
  }
  const vector = chargingVector === true ? {} : chargingVector;
  if (vector !== false) {
    const { generatedAt, originIoi } = vector;
    const field = "chargingVector.generatedAt";
    if (generatedAt !== undefined && reading(field, () => parseHostPort(generatedAt, field)).port !== undefined) {
      throw new PushInputError("PUSH_BAD_OPTION", field, "is a host without a port");
    }
    if (originIoi !== undefined && !/^[ -~]+$/.test(originIoi)) {
      throw new PushInputError("PUSH_BAD_OPTION", "chargingVector.originIoi", "is empty or not printable");
    }
  }
  return { ...(vector !== false && { chargingVector: vector }), ...(servedUser !== undefined && { servedUser }) };
}

function trustOf(peers: readonly string[]): TrustDomain {
  try {
    return new TrustDomain(peers);
  } catch (error) {
    if (!(error instanceof TrustConfigError)) throw error;
    const [first] = error.problems;
    throw new PushInputError("PUSH_BAD_OPTION", `trusted[${first?.index}]`, first?.problem ?? "", { cause: error });
  }
}

function digestClientOf({ credentials, proxy }: PushSenderOptions): DigestClient | undefined {
  if (credentials === undefined || credentials instanceof DigestClient) return credentials;
  // All requests go to one proxy, so what it accepted once may be sent to it without being asked.
  return new DigestClient({ accounts: credentials, ...(proxy === undefined ? {} : { nextHop: () => proxy }) });
}

function checkAddress(text: string, option: string): void {
  const { uri, params } = reading(option, () => parseNameAddr(text.includes("<") ? text : `<${text}>`, option));
  if (params.has("tag")) throw new PushInputError("PUSH_BAD_OPTION", option, "has a tag, which each push gets itself");
  if (uri.scheme === "other" || /[\r\n\0]/.test(text)) {
    throw new PushInputError("PUSH_BAD_OPTION", option, `${JSON.stringify(text)} is no SIP address`);
  }
}

function reading<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    throw new PushInputError("PUSH_BAD_OPTION", option, error.message.slice(error.field.length + 2), { cause: error });
  }
}
