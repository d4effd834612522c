import type { DeliveryContext } from "./delivery-job.ts";
import type { Expiry } from "./expiry.ts";
import { retryDelayMs } from "./outcome.ts";
import type { Result } from "./result.ts";

/** Longest wait of a timer, 25 days: a longer one would fire at once. A Retry-After beyond it is for the caller to honour. */
const MAX_TIMER_MS = 0x7fff_ffff;

/** The tries of one push after the first, as the caller's `retry` option allows them. */
export class Retries {
  readonly #context: Pick<DeliveryContext, "retry" | "random">;
  #taken = 0;
  #waitMs = 0;

  constructor(context: Pick<DeliveryContext, "retry" | "random">) {
    this.#context = context;
  }

  /** Wait before the next try, as {@link plan} found it. */
  get waitMs(): number {
    return this.#waitMs;
  }

  /** Whether there is one left, and its time comes before deliver-before. */
  plan(last: Result | undefined, expiry: Expiry): boolean {
    const { retry, random } = this.#context;
    if (retry === undefined || this.#taken >= retry.maxRetries) return false;
    this.#waitMs = retryDelayMs(retry, this.#taken, last?.retryAfterSeconds, random);
    return this.#waitMs <= MAX_TIMER_MS && expiry.allowsWait(this.#waitMs);
  }

  take(): void {
    this.#taken++;
  }
}
