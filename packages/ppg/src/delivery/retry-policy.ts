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
 * not registered; registration news comes sooner than the next attempt as a rule.
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

/**
 * - `retryLeft`, `timeLeft`: the guards of the delivery machine. `dueAtMs`: when to try again, if both hold.
 *
 * A wait that Retry-After asks for is never cut short. One that would end after deliver-before leaves no time; only for whoever is
 * absent it ends at deliver-before, because a registration may come earlier.
 */
export interface RetryPlan {
  readonly retryLeft: boolean;
  readonly timeLeft: boolean;
  readonly dueAtMs: number;
}

/** @param random numbers in [0, 1) */
export function planRetry(rules: RetryRules, situation: RetrySituation, random: () => number): RetryPlan {
  const { event, attempts, nowMs, deliverBeforeMs, retryAfterSeconds } = situation;
  const rule = rules[event];
  const fullMs = Math.min(rule.maxMs, rule.initialMs * 2 ** Math.min(Math.max(attempts - 1, 0), 30));
  const backOffMs = Math.round(fullMs * (1 - rule.jitter * random()));
  const wantedMs = nowMs + Math.max(backOffMs, (retryAfterSeconds ?? 0) * 1_000);
  const limitMs = deliverBeforeMs ?? Number.POSITIVE_INFINITY;
  const dueAtMs = event === "absent" ? Math.min(wantedMs, limitMs) : wantedMs;
  const timeLeft = event === "absent" ? nowMs < limitMs : dueAtMs < limitMs;
  return { retryLeft: attempts < rule.maxAttempts, timeLeft, dueAtMs };
}
