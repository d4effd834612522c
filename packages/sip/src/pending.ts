import { BriefMap } from "./brief-map.ts";

/** Promises that have not settled. */
export class Pending {
  readonly #all = new BriefMap<number, Promise<unknown>>();
  #number = 0;

  get size(): number {
    return this.#all.size;
  }

  /** Counts it until it settles. */
  add<T>(promise: Promise<T>): Promise<T> {
    const number = ++this.#number;
    const counted = promise.finally(() => this.#all.delete(number));
    this.#all.set(number, counted);
    return counted;
  }

  /** Resolves when there are none, those added meanwhile included. */
  async none(): Promise<void> {
    while (this.#all.size > 0) await Promise.allSettled(this.#all.values());
  }
}
