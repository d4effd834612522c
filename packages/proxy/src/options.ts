import {
  type BaseTimers,
  type Clock,
  findAlgorithm,
  type ListenAddress,
  type Logger,
  type OpenTransport,
  type Resolver,
  type TransportOptions,
  type WindowLimits,
} from "@sip-push/sip";
import { loopback } from "./address-ranges.ts";
import { ProxyConfigError } from "./errors.ts";
import { defaultExpires, type ExpiresPolicy } from "./register-request.ts";
import type { UserDirectory } from "./users.ts";

/** How to run a proxy. Times carry their unit in the name. */
export interface SipProxyOptions extends TransportOptions {
  /** Addresses to bind, of any transports. */
  readonly listen: readonly ListenAddress[];
  /**
   * Domains whose users live here. Requests to the proxy's own addresses mean the first of them. Default: the first
   * listening address.
   */
  readonly domains?: readonly string[];
  /** Who may register, with digest; also who is asked for credentials (407) before a request is passed on. Default: anybody. */
  readonly users?: UserDirectory;
  /** Digest algorithms to offer, best first (RFC 8760 §2.4). Default MD5, which every client knows; SHA-256 when a HA1 needs it. */
  readonly digestAlgorithms?: readonly string[];
  /**
   * Addresses and ranges (`127.0.0.0/8`) of the trust domain (RFC 3325 §2): their P-Asserted-Identity is believed and passed
   * on, they are not asked for credentials, and they may send to other domains. Default none. On one machine handsets and
   * push senders share 127.0.0.1: list it only where every program there may speak for anybody.
   */
  readonly trusted?: readonly string[];
  /** Pass requests on to other domains for everybody. Default false: for the trusted and the authenticated only. */
  readonly relay?: boolean;
  /** Never send off this machine. Default: true when every listening address is a loopback one. */
  readonly loopbackOnly?: boolean;
  /** Lifetimes of registrations. Default 3600 s, 10 s at least, 86,400 s at most. */
  readonly expires?: Partial<ExpiresPolicy>;
  /** Contacts that one user may have. Default 16. */
  readonly maxContactsPerAor?: number;
  /** Users that may be registered at a time. Default 1,000,000. */
  readonly maxAors?: number;
  /** Requests that may be under way at a time; more are answered 503. Default 100,000. */
  readonly maxRequestsUnderWay?: number;
  /**
   * How long a contact may be silent. Default 16,000: half of the sender's Timer F, so that the answer still helps it. All
   * contacts together get 1.75 times as long.
   */
  readonly contactTimeoutMs?: number;
  /**
   * Answer 408 for a silent contact. Default true, which deviates from RFC 4320 §4.2: a sender that hears 408 knows that the
   * proxy lives and the handset does not; one that hears nothing knows neither.
   */
  readonly answerTimeouts?: boolean;
  readonly clock?: Clock;
  readonly logger?: Logger;
  readonly resolver?: Resolver;
  readonly timers?: BaseTimers;
  /** Requests under way to one destination. */
  readonly window?: WindowLimits;
  /** How transports are opened; tests pass `network.open` of a MemoryNetwork. */
  readonly open?: OpenTransport;
}

/** The proxy's own settings, with nothing left open. */
export interface ProxySettings {
  readonly relay: boolean;
  readonly loopbackOnly: boolean;
  readonly expires: ExpiresPolicy;
  readonly maxContactsPerAor: number;
  readonly maxAors: number;
  readonly maxRequestsUnderWay: number;
  readonly contactTimeoutMs: number;
  readonly answerTimeouts: boolean;
}

/** The longest registration whose end a timer can wait for. */
const MAX_EXPIRES_SECONDS = 2_000_000;

/** @throws {ProxyConfigError} PROXY_BAD_OPTION naming every option that is out of its range. */
export function settingsOf(options: SipProxyOptions): ProxySettings {
  const settings: ProxySettings = {
    relay: options.relay ?? false,
    loopbackOnly: options.loopbackOnly ?? options.listen.every(({ address }) => loopback.has(address)),
    expires: { ...defaultExpires, ...options.expires },
    maxContactsPerAor: options.maxContactsPerAor ?? 16,
    maxAors: options.maxAors ?? 1_000_000,
    maxRequestsUnderWay: options.maxRequestsUnderWay ?? 100_000,
    contactTimeoutMs: options.contactTimeoutMs ?? 16_000,
    answerTimeouts: options.answerTimeouts ?? true,
  };
  const problems = problemsOf(settings, options);
  if (problems.length > 0) throw new ProxyConfigError("PROXY_BAD_OPTION", problems);
  return settings;
}

function problemsOf(settings: ProxySettings, { listen, digestAlgorithms }: SipProxyOptions): string[] {
  const { minSeconds, defaultSeconds, maxSeconds } = settings.expires;
  const unknown = digestAlgorithms?.filter((name) => findAlgorithm(name) === undefined) ?? [];
  const checks: ReadonlyArray<readonly [ok: boolean, problem: string]> = [
    [digestAlgorithms?.length !== 0, "digestAlgorithms: at least one is needed"],
    [unknown.length === 0, `digestAlgorithms: ${unknown.join(", ")} is unknown`],
    [listen.length > 0, "listen: at least one address is needed"],
    [isWhole(minSeconds, 0, 3600), "expires.minSeconds: from 0 to 3600 (RFC 3261 §10.3 step 7)"],
    [isWhole(maxSeconds, 1, MAX_EXPIRES_SECONDS), `expires.maxSeconds: from 1 to ${MAX_EXPIRES_SECONDS}`],
    [minSeconds <= maxSeconds, "expires.minSeconds: more than expires.maxSeconds"],
    [isWhole(defaultSeconds, minSeconds, maxSeconds), "expires.defaultSeconds: from minSeconds to maxSeconds"],
    [isWhole(settings.maxContactsPerAor, 1), "maxContactsPerAor: at least 1"],
    [isWhole(settings.maxAors, 1), "maxAors: at least 1"],
    [isWhole(settings.maxRequestsUnderWay, 1), "maxRequestsUnderWay: at least 1"],
    [isWhole(settings.contactTimeoutMs, 1), "contactTimeoutMs: at least 1"],
  ];
  return checks.filter(([ok]) => !ok).map(([, problem]) => problem);
}

function isWhole(value: number, min: number, max: number = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
