export interface RetryWaitOptions {
  readonly retryBaseMs?: number;
  readonly retryMaxMs?: number;
  readonly retryAfterMaxMs?: number;
}

/**
 * How long to leave the other side alone: doubling waits with jitter down to half (the rule of RFC 5626 §4.5), and as long as
 * the other side asked for if that is more (RFC 3261 §20.33, RFC 6665 §4.1.3).
 */
export class RetryWait {
  readonly #options: RetryWaitOptions;
  readonly #random: () => number;
  #failures = 0;

  constructor(options: RetryWaitOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  /** The wait, in milliseconds, which makes the next one longer. */
  take(retryAfterSeconds = 0): number {
    const { retryBaseMs = 2000, retryMaxMs = 1_800_000, retryAfterMaxMs = 86_400_000 } = this.#options;
    const jitter = 0.5 + 0.5 * this.#random();
    const ours = Math.min(retryMaxMs, retryBaseMs * 2 ** Math.min(this.#failures++, 30)) * jitter;
    return Math.round(Math.max(ours, Math.min(retryAfterSeconds * 1000, retryAfterMaxMs)));
  }

  /** The other side was there long enough: the next wait is the first again. */
  reset(): void {
    this.#failures = 0;
  }
}
