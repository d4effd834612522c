import {
  akaAlgorithms,
  type BaseTimers,
  type Clock,
  findAlgorithm,
  type ListenAddress,
  type Logger,
  loopback,
  type OpenTransport,
  parseUri,
  digestAlgorithms as passwordAlgorithms,
  type Resolver,
  SipParseError,
  type TransportOptions,
  type WindowLimits,
} from "@sip-push/sip";
import type { ApplicationServer } from "./application-servers/application-server.ts";
import { ProxyConfigError } from "./errors.ts";
import type { PresenceOptions } from "./presence/presence-agent.ts";
import type { RegEventOptions } from "./reg-event/reg-notifier.ts";
import { defaultExpires, type ExpiresPolicy } from "./register-request.ts";
import type { UserDirectory } from "./users.ts";
import { isIdentity } from "./users-file.ts";
import { packageProblems } from "./watcher-limits.ts";

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
  /**
   * Digest algorithms to offer, best first (RFC 8760 §2.4): for passwords, default MD5, which every client knows, and SHA-256
   * when a HA1 needs it; for USIMs, default AKAv1-MD5 (RFC 3310; `AKAv2-…` is RFC 4169).
   */
  readonly digestAlgorithms?: readonly string[];
  /**
   * The other peers of the trust domain (RFC 3325 §2): addresses, ranges (`127.0.0.0/8`), or domain names that their TLS
   * certificates prove (they are asked for one then). Their P-Asserted-Identity is believed and passed on, they are not asked for credentials, and they
   * may send to other domains. Default none. On one machine handsets and push senders share 127.0.0.1: list it only where
   * every program there may speak for anybody.
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
  /**
   * Flow-Timer for user agents that register with outbound over a connection, in seconds; 0: none. Default 120. Less than
   * `idleTimeoutMs`, after which a silent connection is closed. RFC 5626 §5.4, §6.
   */
  readonly flowTimerSeconds?: number;
  /**
   * Service-Route in the answer to a REGISTER: `"own"` for an address of this proxy, or SIP URIs with `lr`. Default none: a
   * user agent sends to its outbound proxy in any case. RFC 3608 §6.3.
   */
  readonly serviceRoute?: "own" | readonly string[];
  /** Application servers on ISC, in the order in which requests go through them. Default none. TS 24.229 §5.4. */
  readonly applicationServers?: readonly ApplicationServer[];
  /**
   * Presence agent of the users: PUBLISH and SUBSCRIBE with `Event: presence`, to the address-of-record of one. Default on;
   * false: such requests are forwarded like any other. RFC 3856.
   */
  readonly presence?: false | PresenceOptions;
  /** Tells who is registered: SUBSCRIBE with `Event: reg`. Default on; false: forwarded. RFC 3680. */
  readonly regEvent?: false | RegEventOptions;
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
  readonly flowTimerSeconds: number;
  readonly serviceRoute: "own" | readonly string[];
  readonly maxAors: number;
  readonly maxRequestsUnderWay: number;
  readonly contactTimeoutMs: number;
  readonly answerTimeouts: boolean;
}

const KNOWN_ALGORITHMS = [...passwordAlgorithms, ...akaAlgorithms];

/** The longest registration whose end a timer can wait for. */
const MAX_EXPIRES_SECONDS = 2_000_000;

/** @throws {ProxyConfigError} PROXY_BAD_OPTION naming every option that is out of its range. */
export function settingsOf(options: SipProxyOptions): ProxySettings {
  const settings: ProxySettings = {
    relay: options.relay ?? false,
    loopbackOnly: options.loopbackOnly ?? options.listen.every(({ address }) => loopback.has(address)),
    expires: { ...defaultExpires, ...options.expires },
    maxContactsPerAor: options.maxContactsPerAor ?? 16,
    flowTimerSeconds: options.flowTimerSeconds ?? 120,
    serviceRoute: options.serviceRoute ?? [],
    maxAors: options.maxAors ?? 1_000_000,
    maxRequestsUnderWay: options.maxRequestsUnderWay ?? 100_000,
    contactTimeoutMs: options.contactTimeoutMs ?? 16_000,
    answerTimeouts: options.answerTimeouts ?? true,
  };
  const problems = problemsOf(settings, options);
  if (problems.length > 0) throw new ProxyConfigError("PROXY_BAD_OPTION", problems);
  return settings;
}

function problemsOf(
  settings: ProxySettings,
  { listen, digestAlgorithms, idleTimeoutMs = 900_000, presence, regEvent }: SipProxyOptions,
): string[] {
  const { minSeconds, defaultSeconds, maxSeconds } = settings.expires;
  const unknown = digestAlgorithms?.filter((name) => findAlgorithm(name, KNOWN_ALGORITHMS) === undefined) ?? [];
  const checks: ReadonlyArray<readonly [ok: boolean, problem: string]> = [
    [digestAlgorithms?.length !== 0, "digestAlgorithms: at least one is needed"],
    [unknown.length === 0, `digestAlgorithms: ${unknown.join(", ")} is unknown`],
    [listen.length > 0, "listen: at least one address is needed"],
    [isWhole(minSeconds, 0, 3600), "expires.minSeconds: from 0 to 3600 (RFC 3261 §10.3 step 7)"],
    [isWhole(maxSeconds, 1, MAX_EXPIRES_SECONDS), `expires.maxSeconds: from 1 to ${MAX_EXPIRES_SECONDS}`],
    [minSeconds <= maxSeconds, "expires.minSeconds: more than expires.maxSeconds"],
    [isWhole(defaultSeconds, minSeconds, maxSeconds), "expires.defaultSeconds: from minSeconds to maxSeconds"],
    [isWhole(settings.maxContactsPerAor, 1), "maxContactsPerAor: at least 1"],
    [isWhole(settings.flowTimerSeconds, 0, idleTimeoutMs / 1000 - 1), "flowTimerSeconds: less than idleTimeoutMs"],
    [routeProblem(settings) === undefined, `serviceRoute: ${routeProblem(settings)}`],
    [isWhole(settings.maxAors, 1), "maxAors: at least 1"],
    [isWhole(settings.maxRequestsUnderWay, 1), "maxRequestsUnderWay: at least 1"],
    [isWhole(settings.contactTimeoutMs, 1), "contactTimeoutMs: at least 1"],
  ];
  const problems = checks.filter(([ok]) => !ok).map(([, problem]) => problem);
  return [
    ...problems,
    ...packageProblems("presence", presence),
    ...packageProblems("regEvent", regEvent),
    ...watcherProblems(regEvent),
  ];
}

function watcherProblems(regEvent: SipProxyOptions["regEvent"] = {}): string[] {
  const { watchers = [] } = regEvent === false ? {} : regEvent;
  return watchers.flatMap((uri, index) =>
    isIdentity(uri) ? [] : [`regEvent.watchers[${index}]: must be a sip:, sips: or tel: URI`],
  );
}

/** RFC 3608 §6.3: SIP URIs of loose routers. */
function routeProblem({ serviceRoute }: ProxySettings): string | undefined {
  if (serviceRoute === "own") return undefined;
  const bad = serviceRoute.find((text) => {
    try {
      const uri = parseUri(text, "serviceRoute");
      return (uri.scheme !== "sip" && uri.scheme !== "sips") || !uri.params.has("lr");
    } catch (error) {
      if (error instanceof SipParseError) return true;
      throw error;
    }
  });
  return bad === undefined ? undefined : `${bad} is no SIP URI with lr`;
}

function isWhole(value: number, min: number, max: number = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}
