import type { Clock, Logger, Timer } from "@sip-push/sip";
import type { PpgStore } from "../store/store.ts";
import type { ResultNotification } from "../store/types.ts";

/** Shortest time between two claims when the last one brought less than was asked for. */
const PAUSE_MS = 10;
/** How soon at the earliest, and how late, the store is asked again after it had nothing. */
const MIN_IDLE_MS = 50;
const MAX_IDLE_MS = 5_000;
const AFTER_FAILURE_MS = 1_000;

export interface ClaimerOptions {
  readonly store: PpgStore;
  readonly owner: string;
  readonly leaseMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many more may be held. */
  readonly room: () => number;
  /** `atMs`: when they were asked for, by the clock that nobody sets; the lease runs from then. */
  readonly take: (results: readonly ResultNotification[], atMs: number) => void;
}

/** Claims results while there are some and room for them; otherwise waits until the store says that there may be. */
export class Claimer {
  readonly #options: ClaimerOptions;
  /** Fewer are not worth a claim while others are being told. */
  readonly #batch: number;
  #timer: Timer | null = null;
  #timerAtMs = 0;
  #claiming: Promise<void> | null = null;
  #more = true;
  #stopped = true;
  #unsubscribe: () => void = () => {};

  constructor(options: ClaimerOptions, batch: number) {
    this.#options = options;
    this.#batch = batch;
  }

  start(): void {
    this.#stopped = false;
    this.#unsubscribe = this.#options.store.onWork("results", () => this.#wakeIn(PAUSE_MS));
    this.roomMade();
  }

  /** Resolves when no claim is under way any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    this.#timer?.cancel();
    this.#timer = null;
    await this.#claiming;
  }

  /** There is room again. */
  roomMade(): void {
    if (this.#stopped || !this.#more || this.#claiming !== null || this.#options.room() < this.#batch) return;
    this.#claiming = this.#claim().finally(() => {
      this.#claiming = null;
      this.roomMade();
    });
  }

  async #claim(): Promise<void> {
    const { store, owner, leaseMs, clock, logger, room, take } = this.#options;
    const limit = room();
    try {
      const atMs = clock.now();
      const nowMs = clock.date().getTime();
      const results = await store.claimNotifications({ owner, limit, nowMs, leaseMs });
      if (results.length > 0) take(results, atMs);
      this.#more = results.length >= limit;
      if (!this.#more) await this.#sleep(results.length > 0);
    } catch (error) {
      logger.error({ err: error }, "results could not be claimed");
      this.#more = false;
      this.#wakeIn(AFTER_FAILURE_MS);
    }
  }

  async #sleep(busy: boolean): Promise<void> {
    if (busy) {
      this.#wakeIn(PAUSE_MS);
      return;
    }
    const { store, clock } = this.#options;
    const dueAtMs = (await store.nextDueAtMs("results")) ?? Number.POSITIVE_INFINITY;
    this.#wakeIn(Math.min(MAX_IDLE_MS, Math.max(MIN_IDLE_MS, dueAtMs - clock.date().getTime())));
  }

  #wakeIn(delayMs: number): void {
    if (this.#stopped) return;
    const { clock } = this.#options;
    const atMs = clock.now() + delayMs;
    if (this.#timer !== null) {
      if (this.#timerAtMs <= atMs) return;
      this.#timer.cancel();
    }
    this.#timerAtMs = atMs;
    this.#timer = clock.schedule(delayMs, () => {
      this.#timer = null;
      this.#more = true;
      this.roomMade();
    });
  }
}
