import type { Clock } from "@sip-push/sip";
import { FailureThrottle, networkOf } from "../front/failure-throttle.ts";

/** Passwords checked at the same time: scrypt costs memory and processor. */
const CHECKS = 2;
const BUSY_SECONDS = 1;

/** Wrong passwords for one name, from wherever: as many as ten addresses have before they are slowed down. */
const FREE_FAILURES_OF_NAME = 100;
/** Places that somebody logged in from. */
const MAX_KNOWN = 1_000;

/**
 * Admits attempts to log in: an address that fails again and again waits, and there are never many at a time. A name that many
 * addresses guess at waits, too, except where it was logged in from before: nobody can lock out who works there.
 */
export class LoginAttempts {
  readonly #byAddress: FailureThrottle;
  readonly #byName: FailureThrottle;
  readonly #known = new Set<string>();
  #checking = 0;

  constructor(clock: Clock) {
    this.#byAddress = new FailureThrottle(clock);
    this.#byName = new FailureThrottle(clock, FREE_FAILURES_OF_NAME);
  }

  /**
   * Runs the check of a password and notes how it went.
   *
   * @returns whether the password is right; or how long to wait, and the password was not looked at.
   */
  async check(
    { name, address }: { readonly name: string; readonly address: string },
    verify: () => Promise<boolean>,
  ): Promise<boolean | { readonly waitSeconds: number }> {
    const place = `${networkOf(address)} ${name}`;
    const nameSeconds = this.#known.has(place) ? 0 : this.#byName.waitSeconds(name);
    const waitSeconds = Math.max(this.#byAddress.waitSeconds(address), nameSeconds);
    if (waitSeconds > 0) return { waitSeconds };
    if (this.#checking >= CHECKS) return { waitSeconds: BUSY_SECONDS };
    this.#checking++;
    try {
      const right = await verify();
      if (right) this.#remember(place);
      // One address alone, which is slowed down by itself, does not get a name to wait.
      else if (!this.#byAddress.failed(address)) this.#byName.failed(name);
      return right;
    } finally {
      this.#checking--;
    }
  }

  #remember(place: string): void {
    this.#known.delete(place);
    this.#known.add(place);
    const [oldest = ""] = this.#known;
    if (this.#known.size > MAX_KNOWN) this.#known.delete(oldest);
  }
}
