import type { Clock } from "../clock.ts";

/** How long to leave a peer alone that could not be reached. */
export interface BackoffOptions {
  /** Doubled per failure in a row. Default 500, so that the first wait is 1000 at most. */
  readonly baseMs?: number;
  /** No wait is longer. Default 30000. */
  readonly maxMs?: number;
}

/** The waits of {@link BackoffOptions} when nothing else is said. */
export const defaultBackoff: Required<BackoffOptions> = { baseMs: 500, maxMs: 30_000 };

/** Peers remembered at a time: the oldest are forgotten, which only means one attempt too early. */
const MAX_PEERS = 10_000;

/**
 * The wait after so many failures in a row, in milliseconds: min(max, base * 2^failures), of which a random 50 to 100 %.
 * RFC 5626 §4.5.
 *
 * @param random a number in [0, 1).
 */
export function backoffDelayMs(failures: number, options: BackoffOptions, random: () => number): number {
  const { baseMs, maxMs } = { ...defaultBackoff, ...options };
  const longest = Math.min(maxMs, baseMs * 2 ** failures);
  return longest * (0.5 + random() / 2);
}

interface Failures {
  readonly count: number;
  readonly untilMs: number;
}

/** Remembers per peer when it may be tried again, so that a dead one is not hammered. RFC 5626 §4.5. */
export class ConnectBackoff {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #options: BackoffOptions | false;
  readonly #peers = new Map<string, Failures>();

  /** @param options the waits; false never waits. */
  constructor(clock: Clock, random: () => number, options: BackoffOptions | false) {
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
  }

  /** Milliseconds until `peer` may be tried; 0 for now. */
  remainingMs(peer: string): number {
    const failures = this.#peers.get(peer);
    return failures === undefined ? 0 : Math.max(failures.untilMs - this.#clock.now(), 0);
  }

  /** An attempt failed: the next one waits longer. */
  failed(peer: string): void {
    if (this.#options === false) return;
    const count = (this.#peers.get(peer)?.count ?? 0) + 1;
    this.#peers.delete(peer);
    this.#peers.set(peer, { count, untilMs: this.#clock.now() + backoffDelayMs(count, this.#options, this.#random) });
    if (this.#peers.size > MAX_PEERS) this.#peers.delete(this.#peers.keys().next().value as string);
  }

  /** It answers again: forget what was. */
  succeeded(peer: string): void {
    this.#peers.delete(peer);
  }
}
