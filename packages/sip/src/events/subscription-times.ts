import type { TimerWheel, WheelTimer } from "../transaction/timer-wheel.ts";

/** For long subscriptions: so long before the end they are refreshed (the rule of TS 24.229 §5.1.1.4 for bindings). */
const EARLY_MS = 600_000;
const LEAST_REFRESH_MS = 500;

export interface SubscriptionTimesUser {
  /** The refresh, or the next try. */
  due(): void;
  expired(): void;
  timerN(): void;
}

/** When a subscription of ours is refreshed or tried again, when it runs out, and Timer N. RFC 6665 §4.1.2, §4.1.3. */
export class SubscriptionTimes {
  readonly #wheel: TimerWheel;
  readonly #timerNMs: number;
  readonly #isFetch: boolean;
  readonly #due: WheelTimer;
  readonly #expiry: WheelTimer;
  readonly #timerN: WheelTimer;
  #dueAtMs = Number.POSITIVE_INFINITY;
  /** By the wheel's clock; undefined until somebody said so. */
  #expiresAtMs: number | undefined;
  /** A NOTIFY of this refresh said when it runs out, which counts more than the answer to the SUBSCRIBE (§4.1.3). */
  #told = false;

  constructor(wheel: TimerWheel, timerNMs: number, isFetch: boolean, user: SubscriptionTimesUser) {
    this.#wheel = wheel;
    this.#timerNMs = timerNMs;
    this.#isFetch = isFetch;
    this.#due = wheel.timer(() => user.due());
    this.#expiry = wheel.timer(() => user.expired());
    this.#timerN = wheel.timer(() => user.timerN());
  }

  get leftMs(): number {
    return Math.max((this.#expiresAtMs ?? 0) - this.#wheel.now(), 0);
  }

  /** A SUBSCRIBE leaves. */
  subscribing(): void {
    this.#told = false;
    this.stopDue();
    this.#wheel.start(this.#timerN, this.#timerNMs);
  }

  /** How long it lasts, by the 2xx to SUBSCRIBE: what a NOTIFY said already counts more. */
  granted(seconds: number): void {
    if (!this.#told) this.#expireIn(seconds);
  }

  /** How long it lasts, by a NOTIFY. */
  told(seconds: number): void {
    this.#told = true;
    this.#expireIn(seconds);
  }

  /**
   * It lives: from here on it runs out, and is refreshed before. NOTIFYs that come all the time do not put the refresh off.
   *
   * @param askedSeconds when neither a NOTIFY nor, so far, the answer to the SUBSCRIBE said how long it lasts.
   */
  startRefresh(askedSeconds: number): void {
    if (this.#expiresAtMs === undefined) this.#expireIn(askedSeconds);
    if (this.#isFetch) {
      // Its NOTIFYs come one after the other; "expires=0" in all but the last says nothing about when.
      this.#wheel.start(this.#expiry, this.#timerNMs);
      return;
    }
    const leftMs = Math.max(this.leftMs, LEAST_REFRESH_MS);
    this.#wheel.start(this.#expiry, leftMs);
    this.#startDue(Math.max(leftMs > 2 * EARLY_MS ? leftMs - EARLY_MS : leftMs / 2, LEAST_REFRESH_MS));
  }

  /** The refresh failed: once more after `ms`. It may have run out while that was under way. */
  startRefreshRetry(ms: number): void {
    this.stopDue();
    this.#startDue(ms);
    this.#wheel.start(this.#expiry, this.leftMs);
  }

  /** There is no subscription: another one after `ms`. */
  startRetry(ms: number): void {
    this.stopDue();
    this.#startDue(ms);
  }

  stopDue(): void {
    this.#dueAtMs = Number.POSITIVE_INFINITY;
    this.#wheel.stop(this.#due);
  }

  stopTimerN(): void {
    this.#wheel.stop(this.#timerN);
  }

  stopAll(): void {
    this.stopDue();
    this.#wheel.stop(this.#expiry);
    this.#wheel.stop(this.#timerN);
  }

  /** The subscription is gone. */
  forget(): void {
    this.stopAll();
    this.#expiresAtMs = undefined;
  }

  #startDue(ms: number): void {
    const dueAtMs = this.#wheel.now() + ms;
    if (dueAtMs >= this.#dueAtMs) return;
    this.#dueAtMs = dueAtMs;
    this.#wheel.start(this.#due, ms);
  }

  #expireIn(seconds: number): void {
    this.#expiresAtMs = this.#wheel.now() + seconds * 1000;
  }
}
