import { StoreError } from "./errors.ts";

interface Call<In, Out> {
  readonly items: readonly In[];
  readonly resolve: (results: Out[]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Puts calls together that wait while another group is under way, so that they share one transaction. A group that is refused is
 * tried call by call, so that none fails for the mistake of another; not while the database is away, where each would wait for it.
 */
export class Grouping<In, Out> {
  readonly #run: (items: readonly In[]) => Promise<Out[]>;
  readonly #maxItems: number;
  readonly #maxRunning: number;
  #waiting: Call<In, Out>[] = [];
  #running = 0;

  /**
   * @param run results in the order of the items.
   * @param maxItems of a group, unless one call has more.
   * @param maxRunning groups under way at once.
   */
  constructor(run: (items: readonly In[]) => Promise<Out[]>, maxItems: number, maxRunning: number) {
    this.#run = run;
    this.#maxItems = maxItems;
    this.#maxRunning = maxRunning;
  }

  add(items: readonly In[]): Promise<Out[]> {
    if (items.length === 0) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ items, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#running >= this.#maxRunning || this.#waiting.length === 0) return;
    this.#running += 1;
    void this.#perform(this.#takeGroup()).then(() => {
      this.#running -= 1;
      this.#next();
    });
  }

  #takeGroup(): Call<In, Out>[] {
    let [calls, items] = [0, 0];
    for (const call of this.#waiting) {
      if (calls > 0 && items + call.items.length > this.#maxItems) break;
      calls += 1;
      items += call.items.length;
    }
    return this.#waiting.splice(0, calls);
  }

  /** Never rejects. */
  async #perform(calls: readonly Call<In, Out>[]): Promise<void> {
    try {
      const results = await this.#run(calls.flatMap(({ items }) => items));
      let from = 0;
      for (const { items, resolve } of calls) resolve(results.slice(from, (from += items.length)));
    } catch (error) {
      const isOfOne = calls.length > 1 && !(error instanceof StoreError && error.retryable);
      if (isOfOne) for (const call of calls) await this.#perform([call]);
      else for (const { reject } of calls) reject(error);
    }
  }
}
