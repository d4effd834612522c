import type { Logger } from "../logger.ts";
import type { TimerWheel } from "../transaction/timer-wheel.ts";
import type { SubscriptionRecord, SubscriptionStore } from "./subscription-store.ts";

/** What is to be written for one id: at most one write runs, and the latest wish comes after it. */
interface Slot {
  next: (() => Promise<void>) | undefined;
  readonly waiting: Array<() => void>;
}

/** A store that says nothing for so long has failed. */
const TIMEOUT_MS = 5000;

/**
 * Writes behind: a subscription goes on whatever its store does. Writes of one id never overlap, and what is overtaken by a
 * later one before it began is left out.
 */
export class RecordWriter {
  readonly #store: SubscriptionStore;
  readonly #wheel: TimerWheel;
  readonly #logger: Logger;
  readonly #slots = new Map<string, Slot>();
  #closed = false;
  /** Writes that failed. */
  failures = 0;

  constructor(store: SubscriptionStore, wheel: TimerWheel, logger: Logger) {
    this.#store = store;
    this.#wheel = wheel;
    this.#logger = logger;
  }

  /** Resolves when it, or what came after it, was written or failed. `record` is asked when the write begins. */
  put(id: string, record: () => SubscriptionRecord): Promise<void> {
    return this.#enqueue(id, () => this.#store.put(record()));
  }

  delete(id: string): Promise<void> {
    return this.#enqueue(id, () => this.#store.delete(id));
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#slots.size > 0) {
      const [slot] = this.#slots.values();
      await new Promise<void>((resolve) => void slot?.waiting.push(resolve));
    }
  }

  /** Lets go of what was not written yet: nobody waits for it any more. */
  close(): void {
    this.#closed = true;
    for (const slot of this.#slots.values()) {
      slot.next = undefined;
      for (const resolve of slot.waiting.splice(0)) resolve();
    }
    this.#slots.clear();
  }

  #enqueue(id: string, write: () => Promise<void>): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const slot = this.#slots.get(id);
      if (slot !== undefined) {
        slot.next = write;
        slot.waiting.push(resolve);
        return;
      }
      const begun: Slot = { next: write, waiting: [resolve] };
      this.#slots.set(id, begun);
      void this.#run(id, begun);
    });
  }

  async #run(id: string, slot: Slot): Promise<void> {
    for (let write = slot.next; write !== undefined; write = slot.next) {
      slot.next = undefined;
      try {
        await this.#limited(write);
      } catch (error) {
        this.failures++;
        this.#logger.error({ err: error, subscription: id }, "a subscription could not be stored");
      }
    }
    this.#slots.delete(id);
    for (const resolve of slot.waiting) resolve();
  }

  #limited(write: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = this.#wheel.timer(() => reject(new Error(`the store did not answer within ${TIMEOUT_MS} ms`)));
      const written = write();
      this.#wheel.start(timer, TIMEOUT_MS);
      written.then(resolve, reject).finally(() => this.#wheel.stop(timer));
    });
  }
}
