import type { Clock, Timer } from "@sip-push/sip";

export interface PaceOptions {
  readonly clock: Clock;
  readonly perSecond: number;
  readonly maxInFlight: number;
}

/** Turns are given for so long at once: a timer for each would cost more than the turn. */
const SLICE_MS = 20;

/**
 * Gives turns in the order in which they were asked for: not more than so many a second, and not more than so many under way.
 */
export class RegisterPace<Item> {
  readonly #options: PaceOptions;
  readonly #run: (item: Item) => Promise<void>;
  #queue: Item[] = [];
  /** Of the first that waits: to shift an array of thousands for each is costly. */
  #head = 0;
  #inFlight = 0;
  #allowance = 1;
  #countedMs: number;
  #timer: Timer | undefined;
  #hurried = false;
  #closed = false;

  /** @param run never rejects. */
  constructor(options: PaceOptions, run: (item: Item) => Promise<void>) {
    this.#options = options;
    this.#run = run;
    this.#countedMs = options.clock.now();
  }

  /** Those that wait for their turn. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  push(item: Item): void {
    if (this.#closed) return;
    this.#queue.push(item);
    this.#pump();
  }

  /** From now on only the number under way counts: there is little time left. */
  hurry(): void {
    this.#hurried = true;
    this.#pump();
  }

  /** No more turns; nothing is left running. */
  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#queue = [];
    this.#head = 0;
  }

  #pump(): void {
    this.#count();
    while (this.waiting > 0 && this.#inFlight < this.#options.maxInFlight) {
      if (!this.#hurried && this.#allowance < 1) {
        this.#wait();
        return;
      }
      this.#allowance--;
      this.#go(this.#take());
    }
  }

  #take(): Item {
    const item = this.#queue[this.#head++] as Item;
    if (this.#head === this.#queue.length || this.#head > 1024) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  #go(item: Item): void {
    this.#inFlight++;
    void this.#run(item).finally(() => {
      this.#inFlight--;
      if (!this.#closed) this.#pump();
    });
  }

  /** What the time since then allows; a rest allows no more than one slice of it. */
  #count(): void {
    const { clock, perSecond } = this.#options;
    const nowMs = clock.now();
    const most = Math.max(1, (perSecond * SLICE_MS) / 1000);
    this.#allowance = Math.min(most, Math.max(this.#allowance, 0) + ((nowMs - this.#countedMs) * perSecond) / 1000);
    this.#countedMs = nowMs;
  }

  #wait(): void {
    if (this.#timer !== undefined) return;
    const { clock, perSecond } = this.#options;
    const delayMs = Math.max(SLICE_MS, ((1 - this.#allowance) * 1000) / perSecond);
    this.#timer = clock.schedule(delayMs, () => {
      this.#timer = undefined;
      this.#pump();
    });
  }
}
