/** How many may watch, and how often they are told. */
export interface WatcherLimits {
  /** Subscriptions at a time. Default 100,000. */
  readonly maxSubscriptions?: number;
  /** Subscriptions of one subscriber, who may watch for many. Default 10,000. */
  readonly maxPerSubscriber?: number;
  /** Least time between two changes that watchers of one user are told of; 0: none. Default 5000 (RFC 3856 §6.10, RFC 3680 §4.10). */
  readonly notifyIntervalMs?: number;
}

export const defaultWatcherLimits: Required<WatcherLimits> = {
  maxSubscriptions: 100_000,
  maxPerSubscriber: 10_000,
  notifyIntervalMs: 5000,
};

/** The least that each numeric option of an event package may be. */
const LEAST: Readonly<Record<string, number>> = {
  maxSubscriptions: 1,
  maxPerSubscriber: 1,
  notifyIntervalMs: 0,
  maxBodyBytes: 1,
  minExpiresSeconds: 0,
};

/** What is wrong with the options of one event package, one line each. */
export function packageProblems(name: string, options: object | false | undefined): string[] {
  if (options === undefined || options === false) return [];
  return Object.entries(options).flatMap(([key, value]) => {
    const least = LEAST[key];
    const fits = least === undefined || value === undefined || (Number.isInteger(value) && (value as number) >= least);
    return fits ? [] : [`${name}.${key}: a whole number, at least ${least}`];
  });
}
