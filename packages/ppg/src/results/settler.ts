import type { Clock, Logger, Timer } from "@sip-push/sip";
import type { PpgStore } from "../store/store.ts";
import type { NotificationVerdict } from "../store/types.ts";

const AGAIN_MS = 1_000;

/** One verdict, and what to do when it is committed; `held` false: the lease had ended before. */
export interface Settling {
  readonly verdict: NotificationVerdict;
  readonly committed: ((held: boolean) => void) | null;
}

/** Gives verdicts to the store, together what comes while others are being committed; again and again while it does not answer. */
export class Settler {
  readonly #store: PpgStore;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #settled: (count: number) => void;
  #waiting: Settling[] = [];
  #underWay = 0;
  #scheduled = false;
  #timer: Timer | null = null;
  #stopping = false;
  #idle: (() => void)[] = [];

  /** @param settled told how many left, after each commit. */
  constructor(store: PpgStore, clock: Clock, logger: Logger, settled: (count: number) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#logger = logger;
    this.#settled = settled;
  }

  add(settling: Settling): void {
    this.#waiting.push(settling);
    if (this.#scheduled || this.#underWay > 0 || this.#timer !== null) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      void this.#flush();
    });
  }

  /** Resolves when all is committed; when the store does not answer any more, what is left comes again after its lease. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#timer !== null) {
      this.#timer.cancel();
      this.#timer = null;
      await this.#flush();
    }
    if (this.#waiting.length === 0 && this.#underWay === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0 && this.#timer === null) {
      const group = this.#waiting;
      this.#waiting = [];
      this.#underWay = group.length;
      const done = await this.#settle(group);
      this.#underWay = 0;
      if (done) this.#settled(group.length);
      else this.#againLater(group);
    }
    if (this.#waiting.length > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  async #settle(group: readonly Settling[]): Promise<boolean> {
    try {
      const held = await this.#store.settleNotifications(group.map(({ verdict }) => verdict));
      for (const [index, { committed }] of group.entries()) committed?.(held[index] === true);
      return true;
    } catch (error) {
      this.#logger.error({ err: error, results: group.length }, "verdicts on results were not committed");
      return false;
    }
  }

  #againLater(group: Settling[]): void {
    if (this.#stopping) {
      this.#waiting = [];
      this.#settled(group.length);
      return;
    }
    this.#waiting = [...group, ...this.#waiting];
    this.#timer = this.#clock.schedule(AGAIN_MS, () => {
      this.#timer = null;
      void this.#flush();
    });
  }
}
