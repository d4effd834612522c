import type { Clock } from "@sip-push/sip";
import { FailureThrottle } from "../front/failure-throttle.ts";

/** Passwords checked at the same time: scrypt costs memory and processor. */
const CHECKS = 2;
const BUSY_SECONDS = 1;

/** Admits attempts to log in: an address that fails again and again waits, and there are never many at a time. */
export class LoginAttempts {
  readonly #throttle: FailureThrottle;
  #checking = 0;

  constructor(clock: Clock) {
    this.#throttle = new FailureThrottle(clock);
  }

  /**
   * Runs the check of a password and notes how it went.
   *
   * @returns whether the password is right; or how long to wait, and the password was not looked at.
   */
  async check(address: string, verify: () => Promise<boolean>): Promise<boolean | { readonly waitSeconds: number }> {
    const waitSeconds = this.#throttle.waitSeconds(address);
    if (waitSeconds > 0) return { waitSeconds };
    if (this.#checking >= CHECKS) return { waitSeconds: BUSY_SECONDS };
    this.#checking++;
    try {
      const right = await verify();
      if (!right) this.#throttle.failed(address);
      return right;
    } finally {
      this.#checking--;
    }
  }
}
