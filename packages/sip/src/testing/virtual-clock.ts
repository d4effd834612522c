import type { Clock, Timer } from "../clock.ts";

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly fire: () => void;
}

/** A clock that moves only when told, so that 32 seconds of retransmissions take no time and come out the same. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #originMs: number;
  readonly #pending = new Set<Pending>();

  /** @param origin wall time at the start; a fixed date unless given. */
  constructor(origin: Date = new Date("2026-01-01T00:00:00Z")) {
    this.#originMs = origin.getTime();
  }

  now(): number {
    return this.#nowMs;
  }

  date(): Date {
    return new Date(this.#originMs + this.#nowMs);
  }

  schedule(delayMs: number, fire: () => void): Timer {
    const entry: Pending = { at: this.#nowMs + Math.max(delayMs, 0), order: this.#order++, fire };
    this.#pending.add(entry);
    return { cancel: () => void this.#pending.delete(entry) };
  }

  /** Timers that wait to fire: a test that ends with some has left something running. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Moves time on, firing what falls due in order, and letting promises settle before, between and after. */
  async advance(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#nowMs = Math.max(next.at, this.#nowMs);
      this.#pending.delete(next);
      next.fire();
      await settle();
    }
    this.#nowMs = end;
  }

  /** Moves on from timer to timer until `promise` settles; throws when nothing is left that could settle it. */
  async until<T>(promise: Promise<T>, limitMs = 3_600_000): Promise<T> {
    let done = false;
    const mark = (): void => {
      done = true;
    };
    promise.then(mark, mark);
    const end = this.#nowMs + limitMs;
    await settle();
    while (!done) {
      const next = this.#next(end);
      if (next === undefined) throw new Error(`nothing left to happen before ${end} ms`);
      await this.advance(next.at - this.#nowMs);
    }
    return promise;
  }

  #next(end: number): Pending | undefined {
    let first: Pending | undefined;
    for (const entry of this.#pending) {
      if (entry.at > end) continue;
      if (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order))
        first = entry;
    }
    return first;
  }
}

/** Lets chains of settled promises run out. */
async function settle(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
}
