import type { PapLeniency, PapLimits, PapVersion } from "@sip-push/pap";

/** Who asks, said in the Authorization header field; a client certificate is among the {@link InitiatorTls} options. */
export type InitiatorCredentials =
  /** Basic, RFC 7617. Travels in the clear over `http:`. */
  | { readonly user: string; readonly password: string }
  /** Bearer, RFC 6750. The same holds. */
  | { readonly token: string };

/** For an `https:` gateway; all PEM. */
export interface InitiatorTls {
  /** Certificates to trust instead of the system's. */
  readonly ca?: string | undefined;
  /** Certificate to show, with its key. */
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Time as an input; `Clock` of `@sip-push/sip` is one. */
export interface InitiatorClock {
  /** Milliseconds that only grow. */
  now(): number;
  /** Wall time. */
  date(): Date;
  /** Calls `fire` once, `delayMs` from now. */
  schedule(delayMs: number, fire: () => void): { cancel(): void };
}

/** What is logged to; pino satisfies it. Bodies and credentials are never logged. */
export interface InitiatorLogger {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** Upper bounds of an initiator; what is left out has its default. */
export interface InitiatorLimits extends PapLimits {
  /** Connections to the gateway, opened when they are needed and kept. Default 8. */
  readonly maxConnections?: number;
  /** Operations that are under way or wait for a connection; one more comes back as failed, `busy`. Default 10,000. */
  readonly maxInFlight?: number;
}

/** Options of a `PushInitiator`. */
export interface PushInitiatorOptions {
  /** Where the gateway takes PAP: an `http:` or `https:` URL. */
  readonly url: string;
  readonly credentials?: InitiatorCredentials;
  readonly tls?: InitiatorTls;
  /** Version of PAP that is spoken. Default `2.0`, which every gateway known here reads. */
  readonly version?: PapVersion;
  /** Attribute `product-name`; none unless given. */
  readonly productName?: string;
  /** Mistakes in answers that are let pass. Default: all that `lenient` of `@sip-push/pap` has. */
  readonly leniency?: PapLeniency;
  /** For one operation, from the call to the last octet of the answer. Default 30,000. */
  readonly timeoutMs?: number;
  readonly limits?: InitiatorLimits;
  readonly clock?: InitiatorClock;
  readonly logger?: InitiatorLogger;
}

export const DEFAULT_TIMEOUT_MS = 30_000;
export const DEFAULT_MAX_CONNECTIONS = 8;
export const DEFAULT_MAX_IN_FLIGHT = 10_000;
/** What a gateway says fits in less, but for the capabilities of a handset. */
export const DEFAULT_MAX_ANSWER_OCTETS = 1_048_576;

/** The machine's own time; a timer does not keep a process alive, its socket does. */
export const systemClock: InitiatorClock = {
  now: () => performance.now(),
  date: () => new Date(),
  schedule(delayMs, fire) {
    const timer = setTimeout(fire, delayMs);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

export const silentLogger: InitiatorLogger = { debug: () => {}, warn: () => {} };
