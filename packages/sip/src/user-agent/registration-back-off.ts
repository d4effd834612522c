import { parseRetryAfter, type SipResponse } from "../message/index.ts";
import type { RegistrationOptions } from "./registration-options.ts";

/**
 * Waits between failed registrations: doubling, each random from half of that; a Retry-After may ask for more. RFC 5626 §4.5.
 */
export class RegistrationBackOff {
  readonly #options: Pick<RegistrationOptions, "retryBaseMs" | "retryMaxMs" | "random">;
  #failures = 0;
  #waitMs: number | undefined;

  constructor(options: Pick<RegistrationOptions, "retryBaseMs" | "retryMaxMs" | "random">) {
    this.#options = options;
  }

  /** The wait after this failure; the same until {@link failed} is called. */
  waitMs(refusal: SipResponse | undefined): number {
    this.#waitMs ??= this.#next(refusal);
    return this.#waitMs;
  }

  /** The wait has begun. */
  failed(): void {
    this.#failures++;
    this.#waitMs = undefined;
  }

  /** A registration on a flow that lasts. */
  succeeded(): void {
    this.#failures = 0;
    this.#waitMs = undefined;
  }

  #next(refusal: SipResponse | undefined): number {
    const { retryBaseMs = 2000, retryMaxMs = 1_800_000, random = Math.random } = this.#options;
    const baseMs = typeof retryBaseMs === "number" ? retryBaseMs : retryBaseMs();
    const ours = Math.min(retryMaxMs, baseMs * 2 ** Math.min(this.#failures, 30)) * (0.5 + 0.5 * random());
    const asked = (parseRetryAfter(refusal?.headers.get("Retry-After")) ?? 0) * 1000;
    return Math.round(Math.max(ours, Math.min(asked, retryMaxMs)));
  }
}
