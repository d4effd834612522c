import { type Validity, validityUntil } from "@sip-push/push";
import type { Clock } from "@sip-push/sip";

/** How long a push is worth trying, and what its requests say about that. RFC 3428 §4. */
export class Expiry {
  readonly #clock: Clock;
  readonly #deadline: Date | undefined;
  #minSeconds = 0;

  /** @param deadline deliver-before; undefined for a push that does not expire. */
  constructor(clock: Clock, deadline: Date | undefined) {
    this.#clock = clock;
    this.#deadline = deadline;
  }

  get passed(): boolean {
    return this.#deadline !== undefined && this.#deadline <= this.#clock.date();
  }

  /** Whether a request may still be sent: Expires has to say a second at least. */
  get timeLeft(): boolean {
    return this.#deadline === undefined || validityUntil(this.#deadline, this.#clock.date()) !== undefined;
  }

  /** Milliseconds until it passes; Infinity when it never does. */
  get leftMs(): number {
    return this.#deadline === undefined
      ? Number.POSITIVE_INFINITY
      : this.#deadline.getTime() - this.#clock.date().getTime();
  }

  /** Whether it will not have passed in `waitMs`. */
  allowsWait(waitMs: number): boolean {
    return this.#deadline === undefined || this.#clock.date().getTime() + waitMs < this.#deadline.getTime();
  }

  /** Date and Expires of a request sent now; undefined when it need not say any. */
  validity(): Validity | undefined {
    const now = this.#clock.date();
    const asked = this.#deadline === undefined ? undefined : validityUntil(this.#deadline, now);
    if (asked !== undefined && asked.expiresSeconds >= this.#minSeconds) return asked;
    return validityUntil(new Date(now.getTime() + this.#minSeconds * 1000), now) ?? asked;
  }

  /** Whether {@link raise} would change something. A peer may ask for that once. */
  canRaise(minSeconds: number): boolean {
    return this.#minSeconds === 0 && minSeconds > (this.validity()?.expiresSeconds ?? 0);
  }

  /** From now on Expires says `minSeconds` at least, as a 423 asked for; our own tries end at deliver-before all the same. */
  raise(minSeconds: number): void {
    this.#minSeconds = minSeconds;
  }
}
