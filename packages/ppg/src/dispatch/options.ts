import type { PushSender } from "@sip-push/sender";
import type { Clock, Logger } from "@sip-push/sip";
import type { BreakerRule } from "../delivery/circuit-breaker.machine.ts";
import type { RetryRules } from "../delivery/retry-policy.ts";
import type { PpgObserver } from "../events.ts";
import type { PpgStore } from "../store/store.ts";
import type { Places } from "./places.ts";

/** What the dispatcher needs of a Push Sender agent. */
export type DispatchSender = Pick<PushSender, "deliver" | "whenRegistered">;

/** What a dispatcher works with. */
export interface DispatcherOptions {
  readonly store: PpgStore;
  /** The caller's: it is open before the dispatcher starts, and until it has stopped. */
  readonly sender: DispatchSender;
  /** Name of this node, unlike those of the others that share the store. */
  readonly owner: string;
  /** Default: the machine's own. */
  readonly clock?: Clock;
  readonly observe?: PpgObserver;
  /** Default: silent. */
  readonly logger?: Logger;
  /** Numbers in [0, 1), for jitter. Default `Math.random`. */
  readonly random?: () => number;
  /** Default {@link defaultRetryRules}. */
  readonly retryRules?: RetryRules;
  /** Default {@link defaultBreakerRule}. */
  readonly breakerRule?: BreakerRule;
  /** Attempts under way at a time. Default 2048. One that nobody answers takes its place for 32 s (RFC 3261 Timer F). */
  readonly concurrency?: number;
  /** The same, to one destination. Default: as many as there may be in all. */
  readonly perDestination?: number;
  /** How long the store keeps others from what this node has under way, between two renewals. Default 30,000. */
  readonly leaseMs?: number;
  /** How long to wait for the delivery report of a handset that has answered. Default 30. After a relay's 202: until deliver-before. */
  readonly reportTimeoutSeconds?: number;
  /** Deliveries taken from the store at once. Default 256. */
  readonly claimBatch?: number;
  /** Recipients whose registration is waited for at a time; others are tried again when their time comes. Default 5000. */
  readonly maxWatched?: number;
  /** Where it says how much it would take at once. Default: new ones. */
  readonly places?: Places;
  /** What a recipient's pushes go to: those that share it share a window and a breaker. Default {@link hostOf}. */
  readonly destinationOf?: (recipient: string) => string;
}

/** How long a graceful stop takes at most; Timer F is over by then. */
export const DEFAULT_GRACE_MS = 35_000;

/** What a dispatcher has under way. */
export interface DispatcherStats {
  /** Attempts under way. */
  readonly inFlight: number;
  /** Claimed, and waiting for the one before it to the same recipient (RFC 3428 §8). */
  readonly waiting: number;
  /** Ended, and not committed yet. */
  readonly committing: number;
  /** Recipients whose registration is waited for. */
  readonly watched: number;
  /** Destinations whose breaker is not closed. */
  readonly brokenDestinations: number;
  /** Handed back because their destination, or recipient, was busy or down. */
  readonly parked: number;
  /** Leases that were lost while their attempt was under way. */
  readonly lost: number;
}

const wholeNumbers = [
  "concurrency",
  "perDestination",
  "leaseMs",
  "reportTimeoutSeconds",
  "claimBatch",
  "maxWatched",
] as const satisfies readonly (keyof DispatcherOptions)[];

/** @throws {RangeError} naming an option that is no whole number from 1 on. */
export function checkOptions(options: DispatcherOptions): void {
  for (const name of wholeNumbers) {
    const value = options[name];
    if (value === undefined || (Number.isSafeInteger(value) && value >= 1)) continue;
    throw new RangeError(`${name} must be a whole number from 1 on`);
  }
}

/** The host, and the port if there is one, of a SIP URI; what has none, as a `tel:` URI, itself. */
export function hostOf(recipient: string): string {
  const start = recipient.includes("@") ? recipient.lastIndexOf("@") + 1 : recipient.indexOf(":") + 1;
  if (!/^sips?:/i.test(recipient)) return recipient;
  const end = recipient.slice(start).search(/[;?]/);
  return (end < 0 ? recipient.slice(start) : recipient.slice(start, start + end)).toLowerCase();
}
