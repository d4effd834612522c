import type { Clock, Logger, Timer } from "@sip-push/sip";
import { storeErrorOf } from "../store/errors.ts";
import type { PpgStore } from "../store/store.ts";
import type { ClaimedDelivery } from "../store/types.ts";

export interface ClaimLoopOptions {
  readonly store: Pick<PpgStore, "claim" | "nextDueAtMs" | "onWork">;
  readonly owner: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leaseMs: number;
  /** Taken at once. */
  readonly claimBatch: number;
  /** Less room than this is not asked for. */
  readonly minRoom: number;
  /** How many deliveries there is room for now. */
  readonly room: () => number;
  readonly onClaimed: (deliveries: readonly ClaimedDelivery[]) => void;
  /** {@link ClaimLoop.caughtUp} may have changed. */
  readonly onCaughtUp: () => void;
}

/** Work that comes bit by bit is taken together: the store is asked no more often than this. */
const SHORTEST_PAUSE_MS = 3;
/** The store says that something is due, and has nothing for us: another node is taking it. */
const FIRST_IDLE_MS = 50;
const LONGEST_IDLE_MS = 1000;
/** A node sleeps no longer: news of work may get lost on its way. */
const LONGEST_SLEEP_MS = 10_000;
const FIRST_BACK_OFF_MS = 100;
const LONGEST_BACK_OFF_MS = 5000;

/**
 * Takes deliveries from the store when they are due and there is room: woken by the store, by the time at which the next is due, and
 * by room. At most one question at a time, and one timer.
 */
export class ClaimLoop {
  readonly #options: ClaimLoopOptions;
  #running = false;
  #asking: Promise<void> | undefined;
  #again = false;
  #wantsRoom = false;
  #timer: Timer | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #idleMs = 0;
  #backOffMs = 0;
  #caughtUp = false;
  #stopListening: (() => void) | undefined;

  constructor(options: ClaimLoopOptions) {
    this.#options = options;
  }

  /** Whether the store answered when it was asked last. */
  get healthy(): boolean {
    return this.#backOffMs === 0;
  }

  /**
   * When the store was asked last it had no more than there was room for, so what is submitted now need not queue behind anything: news
   * of work since then is a few milliseconds old.
   */
  get caughtUp(): boolean {
    return this.#caughtUp && this.#running;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#stopListening = this.#options.store.onWork("deliveries", () => this.#wake());
    this.#wake();
  }

  /** Resolves when nothing is being claimed any more. */
  async stop(): Promise<void> {
    this.#running = false;
    this.#catchUp(false);
    this.#stopListening?.();
    this.#timer?.cancel();
    await this.#asking;
  }

  /** There is more room than before. */
  roomMade(): void {
    if (this.#wantsRoom && this.#options.room() >= this.#options.minRoom) this.#wake();
  }

  #wake(): void {
    // What failed a moment ago waits for its own time.
    if (!this.#running || this.#backOffMs > 0) return;
    this.#again = true;
    if (this.#asking !== undefined) return;
    const pauseMs = this.#askedAtMs + SHORTEST_PAUSE_MS - this.#options.clock.now();
    if (pauseMs > 0) this.#sleep(pauseMs);
    else this.#ask();
  }

  #catchUp(is: boolean): void {
    if (this.#caughtUp === is) return;
    this.#caughtUp = is;
    this.#options.onCaughtUp();
  }

  #sleep(ms: number): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (!this.#running) return;
    this.#timer = this.#options.clock.schedule(ms, () => {
      this.#timer = undefined;
      this.#ask();
    });
  }

  #ask(): void {
    if (!this.#running || this.#asking !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#asking = this.#claim().then((sleepMs) => {
      this.#asking = undefined;
      this.#askedAtMs = this.#options.clock.now();
      if (sleepMs !== undefined) this.#sleep(sleepMs);
      else if (this.#again) this.#wake();
    });
  }

  /** Returns how long to sleep; undefined: until there is room. Never rejects. */
  async #claim(): Promise<number | undefined> {
    const { store, clock, owner, leaseMs, claimBatch, minRoom, room, onClaimed } = this.#options;
    try {
      for (;;) {
        this.#again = false;
        // What is submitted meanwhile may take all room but that.
        const limit = Math.min(this.#caughtUp ? minRoom : claimBatch, room());
        this.#wantsRoom = limit < minRoom;
        if (this.#wantsRoom) this.#catchUp(false);
        if (this.#wantsRoom || !this.#running) return undefined;
        const deliveries = await store.claim({ owner, limit, nowMs: clock.date().getTime(), leaseMs });
        this.#backOffMs = 0;
        onClaimed(deliveries);
        if (deliveries.length > 0) this.#idleMs = 0;
        this.#catchUp(deliveries.length < limit);
        if (!this.#caughtUp) continue;
        if (this.#again) return SHORTEST_PAUSE_MS;
        const dueAtMs = await store.nextDueAtMs("deliveries");
        return this.#again ? SHORTEST_PAUSE_MS : this.#sleepUntil(dueAtMs);
      }
    } catch (error) {
      const failure = storeErrorOf(error);
      this.#catchUp(false);
      this.#backOffMs = Math.min(LONGEST_BACK_OFF_MS, Math.max(FIRST_BACK_OFF_MS, this.#backOffMs * 2));
      this.#options.logger.error(
        { err: failure, code: failure.code, againMs: this.#backOffMs },
        "nothing can be claimed",
      );
      return this.#backOffMs;
    }
  }

  #sleepUntil(dueAtMs: number | undefined): number {
    if (dueAtMs === undefined) return LONGEST_SLEEP_MS;
    const leftMs = dueAtMs - this.#options.clock.date().getTime();
    if (leftMs > 0) return Math.min(leftMs, LONGEST_SLEEP_MS);
    this.#idleMs = Math.min(LONGEST_IDLE_MS, Math.max(FIRST_IDLE_MS, this.#idleMs * 2));
    return this.#idleMs;
  }
}
