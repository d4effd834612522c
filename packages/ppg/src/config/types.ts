import type { Bearer, Network } from "@sip-push/pap";
import type { ListenAddress } from "@sip-push/sip";
import type { BreakerRule } from "../delivery/circuit-breaker.machine.ts";
import type { RetryRules } from "../delivery/retry-policy.ts";

/* The configuration of a gateway once it is read: files are read, secrets resolved, defaults in place. Plain data. */

/**
 * A secret to compare with what somebody shows.
 *
 * - `scrypt`: a password as `hashPassword` writes it. `sha256`: 64 hexadecimal digits, of a token or of a password that was in a
 *   file or in the environment.
 */
export type Verifier = { readonly scrypt: string } | { readonly sha256: string };

/** Where the gateway takes HTTP. */
export interface HttpAddress {
  readonly secure: boolean;
  /** IP address without brackets, or a host name. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}

/** Certificates as PEM text. */
export interface HttpTls {
  readonly certificate: string;
  readonly key: string;
  /** Issuers of client certificates; null: none are asked for. */
  readonly clientCa: string | null;
  /** `ask`: who shows none is authenticated otherwise. `require`: who shows none is turned away. */
  readonly clientCertificates: "ask" | "require";
}

export interface InitiatorConfig {
  /** Unique; the user name of HTTP Basic. */
  readonly name: string;
  readonly password: Verifier | null;
  /** Bearer tokens. */
  readonly tokens: readonly Verifier[];
  /** Names in client certificates, in lower case. RFC 5922 §7.1. */
  readonly certificates: readonly string[];
  readonly recipients: readonly string[];
  readonly applications: readonly string[];
  readonly notifyUrls: readonly string[];
  /** Null: as fast as it can. */
  readonly rate: { readonly perSecond: number; readonly burst: number } | null;
  /** How the gateway shows the initiator's server who it is when it tells results; null: not at all. */
  readonly notifyAs?: NotifyAs | null;
}

export interface NotifyAs {
  /** Value of the Authorization field: a secret; null: none. */
  readonly authorization: string | null;
  /** PEM text; null: none. */
  readonly certificate: { readonly certificate: string; readonly key: string } | null;
}

export interface ConsoleUser {
  readonly name: string;
  /** As `hashPassword` writes it. */
  readonly password: string;
}

/** How the sender reaches the core; what it needs for `PushSenderOptions`. */
export interface SipConfig {
  readonly from: string;
  readonly listen: readonly ListenAddress[];
  readonly role: "isc" | "gm" | "plain";
  readonly proxy: string | null;
  readonly route: readonly string[];
  readonly contact: string | null;
  readonly identity: string | null;
  readonly servedUser: string | null;
  /** For `tel:` recipients. */
  readonly domain: string | null;
  /** Registers `from`; the gateway is ready only while it is registered. */
  readonly register: boolean;
  readonly credentials: { readonly user: string; readonly password: string } | null;
  readonly trusted: readonly string[];
  readonly chargingVector: boolean;
  readonly thirdPartyRegister: boolean;
  /** Which contacts a push may reach: only those that registered its application, also those that say nothing, or all. */
  readonly acceptContact: "application" | "unknown" | "any";
  /** Several requests to one handset at a time. RFC 3428 §8. */
  readonly allowOverlap: boolean;
  /** Requests under way to one next hop, the core, at a time. */
  readonly maxInFlight: number;
  readonly capabilities: { readonly query: boolean; readonly presence: boolean };
  readonly subscriptions: {
    readonly requireAsserted: boolean;
    readonly maxExpiresSeconds: number;
    readonly maxSubscriptions: number;
  };
  readonly tls: { readonly certificate: string | null; readonly key: string | null; readonly ca: string | null };
}

/** Everything that `sip-push ppg --config` reads. Times carry their unit. */
export interface PpgConfig {
  /** Unique among nodes that share a database. */
  readonly name: string;
  /** Absolute, or relative to the working directory. */
  readonly dataDirectory: string;
  readonly database:
    | { readonly kind: "sqlite" }
    | { readonly kind: "postgres"; readonly url: string; readonly maxConnections: number };
  /** How long to wait at start for a database that does not answer. */
  readonly databaseWaitSeconds: number;
  /** `WAPPUSH=…@domain` is ours; the first is what answers and results name. At least one. */
  readonly domains: readonly string[];
  readonly http: {
    readonly listen: readonly HttpAddress[];
    /** Of PAP, such as `/pap`. */
    readonly path: string;
    readonly tls: HttpTls | null;
    /** Passwords and tokens are taken over plain HTTP from other machines too. */
    readonly allowPlain: boolean;
    /** Addresses and ranges of those whose `X-Forwarded-…` and `Forwarded` fields are believed. */
    readonly trustedProxies: readonly string[];
    readonly maxBodyBytes: number;
    /** Requests under way at a time; more get 503. */
    readonly maxConcurrent: number;
  };
  readonly pap: {
    /** Addresses of one push. */
    readonly maxAddresses: number;
    /** A push is tried no longer than this, whatever its deliver-before says. */
    readonly maxLifetimeHours: number;
    /** Known mistakes of peers are let pass. */
    readonly lenient: boolean;
  };
  readonly initiators: readonly InitiatorConfig[];
  /** By WAPPUSH type: a URI with one `{value}`. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly networks: readonly Network[];
  readonly bearers: readonly Bearer[];
  readonly sip: SipConfig;
  readonly delivery: {
    /** Attempts under way at a time. */
    readonly concurrency: number;
    /** The same, to one host. */
    readonly perDestination: number;
    readonly leaseSeconds: number;
    readonly reportTimeoutSeconds: number;
    readonly retry: RetryRules;
    readonly breaker: BreakerRule;
  };
  readonly results: {
    readonly concurrency: number;
    readonly timeoutSeconds: number;
    readonly retry: { readonly initialMs: number; readonly maxMs: number; readonly jitter: number };
    readonly giveUpAfterHours: number;
    /** PEM text of authorities that `https:` initiators are trusted by; null: the machine's. */
    readonly ca: string | null;
    /** Results also go to hosts that only a pattern with a star admits and that resolve to private addresses. */
    readonly privateAddresses: boolean;
  };
  readonly retention: { readonly finishedDays: number };
  /** Null: no console. */
  readonly console: { readonly users: readonly ConsoleUser[] } | null;
  /** Where health and metrics are served, to nobody but operators; null: nowhere. */
  readonly operation: HttpAddress | null;
  /** How long a graceful stop may take. */
  readonly shutdownSeconds: number;
  readonly log: LogLevel;
}

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** One thing that is wrong. */
export interface ConfigProblem {
  /** Setting, such as `initiators[1].password`; empty: the file as a whole. */
  readonly path: string;
  /** In the file, from 1; null: the value is not from there. */
  readonly line: number | null;
  /** Environment variable that it came from; null: none. */
  readonly variable: string | null;
  readonly problem: string;
}

/** The configuration cannot be used. `problems` is all of it, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly code = "PPG_BAD_CONFIG";
  readonly retryable = false;
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(describeProblem).join("; "));
    this.problems = problems;
  }
}

/** One line for people: `line 7: http.listen[0]: …`. */
export function describeProblem({ path, line, variable, problem }: ConfigProblem): string {
  const place = variable ?? (line === null ? undefined : `line ${line}`);
  return [place, path, problem].filter((part) => part !== undefined && part !== "").join(": ");
}
