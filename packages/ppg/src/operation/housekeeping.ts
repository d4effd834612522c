import type { Clock, Logger, Timer } from "@sip-push/sip";
import type { PpgStore } from "../store/store.ts";

const DAY_MS = 86_400_000;
/** Deliveries deleted at once: few enough that nobody waits for the lock. */
const BATCH = 1_000;
const PAUSE_MS = 60_000;
/** Between two batches, so that pushes come first; still faster than pushes can come. */
const BREATH_MS = 100;

export interface HousekeepingOptions {
  readonly store: Pick<PpgStore, "prune">;
  /** How long a finished push is kept. */
  readonly finishedDays: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Deletes finished pushes when their time is over, a few at a time. Several nodes may do it beside each other. */
export class Housekeeping {
  readonly #options: HousekeepingOptions;
  #timer: Timer | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#after(PAUSE_MS);
  }

  /** Resolves when what is under way is over. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #after(delayMs: number): void {
    if (this.#closed) return;
    this.#timer = this.#options.clock.schedule(delayMs, () => {
      this.#running = this.#prune().then((delayOfNextMs) => this.#after(delayOfNextMs));
    });
  }

  /** Returns when to go on, in milliseconds. */
  async #prune(): Promise<number> {
    const { store, finishedDays, clock, logger } = this.#options;
    try {
      const pruned = await store.prune(clock.date().getTime() - finishedDays * DAY_MS, BATCH);
      if (pruned > 0) logger.debug({ pruned }, "finished pushes deleted");
      return pruned === 0 ? PAUSE_MS : BREATH_MS;
    } catch (error) {
      logger.warn({ err: error }, "finished pushes not deleted");
      return PAUSE_MS;
    }
  }
}
