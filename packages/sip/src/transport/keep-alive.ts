import type { Clock, Timer } from "../clock.ts";

/** RFC 5626 §4.4.1: a flow whose pong does not come within this time has failed. */
const PONG_TIMEOUT_MS = 10_000;

/** Longer timers fire at once in Node; 24 days between pings is as good as none. */
const MAX_INTERVAL_MS = 2_147_483_647;

/** What {@link KeepAlive} works on. */
export interface KeepAliveUser {
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
  /** Sends one ping. */
  readonly ping: () => void;
  /** No pong came in time. Without it, pongs are not expected. */
  readonly dead?: () => void;
}

/** Pings at random 80 to 100 % of an interval and watches for the pongs. RFC 5626 §4.4, §4.4.1. */
export class KeepAlive {
  readonly #user: KeepAliveUser;
  #next: Timer | undefined;
  #deadline: Timer | undefined;
  #intervalMs = 0;
  #expectPong = true;

  constructor(user: KeepAliveUser) {
    this.#user = user;
  }

  /**
   * Pings every `intervalMs` from now on, instead of what was set before. 0 (or less) stops.
   *
   * @param expectPong false: the peer need not answer.
   */
  start(intervalMs: number, expectPong = true): void {
    this.stop();
    this.#expectPong = expectPong;
    if (!(intervalMs > 0)) return;
    this.#intervalMs = Math.min(intervalMs, MAX_INTERVAL_MS);
    this.#scheduleNext();
  }

  /** The peer answered. */
  pong(): void {
    this.#deadline?.cancel();
    this.#deadline = undefined;
  }

  /** No more pings, and no deadline for those that are out. */
  stop(): void {
    this.#next?.cancel();
    this.#next = undefined;
    this.pong();
  }

  #scheduleNext(): void {
    const delayMs = this.#intervalMs * (0.8 + this.#user.random() * 0.2);
    this.#next = this.#user.clock.schedule(delayMs, () => this.#ping());
  }

  #ping(): void {
    this.#scheduleNext();
    const { clock, dead, ping } = this.#user;
    if (dead !== undefined && this.#expectPong) this.#deadline ??= clock.schedule(PONG_TIMEOUT_MS, dead);
    ping();
  }
}

/** Fires when nothing touched it for a time. One timer at most, whatever the traffic. */
export class IdleTimer {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #idle: () => void;
  #touchedMs: number;
  #timer: Timer | undefined;

  constructor(clock: Clock, timeoutMs: number, idle: () => void) {
    this.#clock = clock;
    this.#timeoutMs = Math.min(timeoutMs, MAX_INTERVAL_MS);
    this.#idle = idle;
    this.#touchedMs = clock.now();
    this.#schedule(this.#timeoutMs);
  }

  /** A sign of life. */
  touch(): void {
    this.#touchedMs = this.#clock.now();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#clock.schedule(delayMs, () => {
      const leftMs = this.#touchedMs + this.#timeoutMs - this.#clock.now();
      if (leftMs <= 0) this.#idle();
      else this.#schedule(leftMs);
    });
  }
}
