/** When to subscribe again after a subscription is gone or was not made. */
export type Retry = "now" | "later" | "never";

/** RFC 6665 §4.1.2.2, §4.2.2; 408 counts as a timeout (RFC 5057 §5.1, note 4). */
const ENDING: ReadonlySet<number> = new Set([404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604]);

/**
 * Whether this answer to a NOTIFY, or to a SUBSCRIBE that refreshes, ends the subscription; after any other it goes on until
 * it expires. RFC 6665 §4.1.2.2, §4.2.2.
 */
export function endsSubscription(statusCode: number): boolean {
  return ENDING.has(statusCode);
}

/** Answers that a later SUBSCRIBE of the same kind would get too: what is asked for, or by whom, is wrong. */
const FOR_GOOD: ReadonlySet<number> = new Set([
  400, 401, 402, 403, 405, 406, 407, 410, 413, 414, 415, 416, 420, 421, 484, 485, 489, 493, 501, 505, 513, 603, 604,
  606,
]);

/**
 * When to subscribe again after a SUBSCRIBE was refused so: 481 at once, as the dialog alone is unknown (§4.1.2.2); a
 * peer that is not there, busy or broken later; never where nothing would change.
 *
 * Deviates from RFC 3261 §8.1.3.4: a 3xx is not followed, and counts as "later". Whoever stands on the way could send the
 * subscription, with all that it says about the handset, to any address; and what a notifier is to migrate to comes with
 * `deactivated` (§4.4.2), or by the core's own routing.
 */
export function retryAfterRefusal(statusCode: number): Retry {
  if (statusCode === 481) return "now";
  return FOR_GOOD.has(statusCode) ? "never" : "later";
}

interface ReasonRule {
  readonly retry: Retry;
  /** Whether retry-after means something with it. */
  readonly heedsRetryAfter: boolean;
}

/** RFC 6665 §4.1.3; badfilter RFC 4660 §5.3. */
const REASONS: ReadonlyMap<string, ReasonRule> = new Map([
  ["deactivated", { retry: "now", heedsRetryAfter: false }],
  ["probation", { retry: "later", heedsRetryAfter: true }],
  ["rejected", { retry: "never", heedsRetryAfter: false }],
  ["timeout", { retry: "now", heedsRetryAfter: false }],
  ["giveup", { retry: "later", heedsRetryAfter: true }],
  ["noresource", { retry: "never", heedsRetryAfter: false }],
  ["invariant", { retry: "never", heedsRetryAfter: false }],
  ["badfilter", { retry: "never", heedsRetryAfter: false }],
]);

/** "If no reason code or an unknown reason code is present, the client MAY attempt to re-subscribe at any time". */
const UNKNOWN: ReasonRule = { retry: "later", heedsRetryAfter: true };

/** What a subscriber does after `terminated` with this reason (lower case). RFC 6665 §4.1.3. */
export function ruleOfReason(reason: string | undefined): ReasonRule {
  return REASONS.get(reason ?? "") ?? UNKNOWN;
}
