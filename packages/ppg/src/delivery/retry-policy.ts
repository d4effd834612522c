import type { DeliveryEvent } from "./delivery.machine.ts";

/** Events after which a delivery is tried again. */
export type RetryableEvent = Extract<DeliveryEvent, "unavailable" | "absent" | "noAnswer">;

/** How often, and after what wait, one kind of outcome is tried again. */
export interface RetryRule {
  /** Attempts in all, the first included. */
  readonly maxAttempts: number;
  /** Wait after the first attempt; doubles with each. */
  readonly initialMs: number;
  /** Longest wait of our own. */
  readonly maxMs: number;
  /** Share of the wait that is left to chance, 0..1, so that recipients that failed together do not come back together. */
  readonly jitter: number;
}

export type RetryRules = Readonly<Record<RetryableEvent, RetryRule>>;

const MINUTE_MS = 60_000;

/**
 * `unavailable`: busy, overloaded, no target. `noAnswer`: nothing came back; each costs up to 32 s (RFC 3261 Timer F). `absent`:
 * not registered; registration news comes sooner than the next attempt as a rule, and then counts once in `initialMs`.
 */
export const defaultRetryRules: RetryRules = {
  unavailable: { maxAttempts: 12, initialMs: 1_000, maxMs: 10 * MINUTE_MS, jitter: 0.5 },
  noAnswer: { maxAttempts: 8, initialMs: 5_000, maxMs: 15 * MINUTE_MS, jitter: 0.5 },
  absent: { maxAttempts: 40, initialMs: MINUTE_MS, maxMs: 60 * MINUTE_MS, jitter: 0.2 },
};

/** Where a delivery stands when an attempt has failed. */
export interface RetrySituation {
  readonly event: RetryableEvent;
  /** Attempts begun, the failed one included: 1 or more. */
  readonly attempts: number;
  readonly nowMs: number;
  /** deliver-before; null: no limit. */
  readonly deliverBeforeMs: number | null;
  /** Retry-After of the response; undefined: none. RFC 3261 §20.33. */
  readonly retryAfterSeconds: number | undefined;
}

/** - `retryLeft`: the guard of the delivery machine. `dueAtMs`: when to try again if it holds; at deliver-before it is over. */
export interface RetryPlan {
  readonly retryLeft: boolean;
  readonly dueAtMs: number;
}

/**
 * A wait that Retry-After asks for is never cut short, but by the registration of a handset that was absent: the wait was for
 * that. It is what our own waits begin with where those are longer. What would come after deliver-before waits for that; a wait of
 * our own leaves room for a last try before it.
 *
 * @param random numbers in [0, 1)
 */
export function planRetry(rules: RetryRules, situation: RetrySituation, random: () => number): RetryPlan {
  const { event, attempts, nowMs, deliverBeforeMs } = situation;
  const rule = rules[event];
  const limitMs = deliverBeforeMs ?? Number.POSITIVE_INFINITY;
  const askedMs = (situation.retryAfterSeconds ?? 0) * 1_000;
  const withJitter = (waitMs: number): number => Math.round(waitMs * (1 - rule.jitter * random()));

  const firstMs = askedMs > 0 ? Math.min(askedMs, rule.initialMs) : rule.initialMs;
  const ownMs = withJitter(Math.min(rule.maxMs, firstMs * 2 ** Math.min(Math.max(attempts - 1, 0), 30)));
  const wantedMs = nowMs + Math.max(ownMs, askedMs);
  const lastTryMs = limitMs - withJitter(rule.initialMs);
  const lastTryFits = wantedMs >= limitMs && lastTryMs >= nowMs + Math.max(rule.initialMs, askedMs);
  return { retryLeft: attempts < rule.maxAttempts, dueAtMs: lastTryFits ? lastTryMs : Math.min(wantedMs, limitMs) };
}
