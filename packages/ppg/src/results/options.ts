import type { PapLeniency } from "@sip-push/pap";
import type { Clock, Logger } from "@sip-push/sip";
import { type BreakerRule, defaultBreakerRule } from "../delivery/circuit-breaker.machine.ts";
import type { PpgObserver } from "../events.ts";
import type { PpgStore } from "../store/store.ts";

/** How the gateway shows a push initiator's server who it is. PEM. */
export interface NotifyIdentity {
  /** Value of the Authorization field, such as `Basic …`; null: none, or what the URL's user information says. */
  readonly authorization: string | null;
  /** Client certificate and its key; null: none. */
  readonly certificate: { readonly certificate: string; readonly key: string } | null;
}

/** How a result is told again that was not accepted. */
export interface NotifyRetry {
  /** Wait after the first attempt; doubles with each. */
  readonly initialMs: number;
  readonly maxMs: number;
  /** Share of the wait that is left to chance, 0..1. */
  readonly jitter: number;
}

/** Bounds of telling. */
export interface ResultLimits {
  /** Requests under way at a time. Default 256. */
  readonly concurrency?: number;
  /** Of them to one origin, which is also how many connections it gets. Default: a quarter of `concurrency`. */
  readonly perOrigin?: number;
  /** Results claimed at a time, those under way included. Default 4 times `concurrency`. */
  readonly maxHeld?: number;
  /** From the first octet of a request to the last of its answer. Default 10 s. */
  readonly timeoutMs?: number;
  /** Octets of an answer that are read. Default 65,536. */
  readonly maxAnswerBytes?: number;
  /** Age of a result after which it is given up when it is not accepted. Default 72 h. */
  readonly giveUpAfterMs?: number;
  readonly retry?: NotifyRetry;
  /** When an origin is left alone, and how long. Default: 10 failures in a row; 1 s, doubling to 30 s. */
  readonly breaker?: BreakerRule;
}

export interface ResultNotifierOptions {
  readonly store: PpgStore;
  /** Name of this node in the store. */
  readonly owner: string;
  /** Whether results of this initiator may go there: rights may have changed since intake looked. */
  readonly admits: (initiator: string, url: string) => boolean;
  /**
   * Whether they may go there when its host is, or resolves to, an address of this machine or of its networks: who names URLs, or has
   * the DNS of their hosts, could else make the gateway POST to its neighbours. Asked like `admits`. Default: never.
   */
  readonly mayGoInward?: (initiator: string, url: string) => boolean;
  /** Default: nobody is shown anything. Asked once for each initiator. */
  readonly identityOf?: (initiator: string) => NotifyIdentity | undefined;
  /** PEM of authorities that `https:` initiators are trusted by, instead of the machine's. */
  readonly ca?: string | null;
  /** Of resultnotification-message; null: left out. */
  readonly senderAddress?: string | null;
  readonly senderName?: string | null;
  /** Mistakes in answers to let pass. Default `bareResultResponse`. */
  readonly leniency?: PapLeniency;
  readonly limits?: ResultLimits;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  /** Numbers in [0, 1). Default Math.random. */
  readonly random?: () => number;
  readonly observe?: PpgObserver;
  readonly logger?: Logger;
}

const HOUR_MS = 3_600_000;
const defaultRetry: NotifyRetry = { initialMs: 1_000, maxMs: 600_000, jitter: 0.5 };

/** Every limit, the ones left out at their default. */
export function resultLimits(limits: ResultLimits = {}): Required<ResultLimits> {
  const concurrency = limits.concurrency ?? 256;
  return {
    concurrency,
    perOrigin: limits.perOrigin ?? Math.max(1, Math.ceil(concurrency / 4)),
    maxHeld: limits.maxHeld ?? 4 * concurrency,
    timeoutMs: limits.timeoutMs ?? 10_000,
    maxAnswerBytes: limits.maxAnswerBytes ?? 65_536,
    giveUpAfterMs: limits.giveUpAfterMs ?? 72 * HOUR_MS,
    retry: limits.retry ?? defaultRetry,
    breaker: limits.breaker ?? { ...defaultBreakerRule, maxPauseMs: 30_000 },
  };
}
