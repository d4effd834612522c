import type { Clock, Timer } from "@sip-push/sip";

interface Pending {
  readonly atMs: number;
  readonly order: number;
  readonly fire: () => void;
}

/**
 * A clock that moves only when told, for what also waits for a real thing, such as a database in a thread: before each step it lets
 * that come to rest.
 */
export class PacedClock implements Clock {
  readonly #atRest: () => Promise<void>;
  readonly #pending = new Set<Pending>();
  #originMs: number;
  #nowMs = 0;
  #order = 0;

  /** @param atRest resolves when nothing happens any more unless time moves on. */
  constructor(atRest: () => Promise<void>, origin: Date = new Date("2026-01-01T00:00:00Z")) {
    this.#atRest = atRest;
    this.#originMs = origin.getTime();
  }

  now(): number {
    return this.#nowMs;
  }

  date(): Date {
    return new Date(this.#originMs + this.#nowMs);
  }

  /** Wall time in milliseconds since 1970. */
  get wallMs(): number {
    return this.#originMs + this.#nowMs;
  }

  /** The wall clock is set forward, or back; what was scheduled comes when it would have come. */
  setWall(byMs: number): void {
    this.#originMs += byMs;
  }

  schedule(delayMs: number, fire: () => void): Timer {
    const entry: Pending = { atMs: this.#nowMs + Math.max(delayMs, 0), order: this.#order++, fire };
    this.#pending.add(entry);
    return { cancel: () => void this.#pending.delete(entry) };
  }

  /** Timers that wait to fire. */
  get pendingTimers(): number {
    return this.#pending.size;
  }

  /** Moves time on, firing what falls due in order. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.#atRest();
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) await this.#fire(next);
    this.#nowMs = endMs;
  }

  /** Moves on from timer to timer until `condition` holds; throws when it does not within `limitMs`. */
  async until(condition: () => boolean, limitMs = 3_600_000): Promise<void> {
    const endMs = this.#nowMs + limitMs;
    await this.#atRest();
    while (!condition()) {
      const next = this.#next(endMs);
      if (next === undefined) throw new Error(`it did not come about before ${endMs} ms`);
      await this.#fire(next);
    }
  }

  /** The same, until `promise` settles. */
  async untilSettled<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    await this.until(() => settled, limitMs);
    return promise;
  }

  async #fire(entry: Pending): Promise<void> {
    this.#nowMs = Math.max(entry.atMs, this.#nowMs);
    this.#pending.delete(entry);
    entry.fire();
    await this.#atRest();
  }

  #next(endMs: number): Pending | undefined {
    let first: Pending | undefined;
    for (const entry of this.#pending) {
      if (entry.atMs > endMs) continue;
      if (first === undefined || entry.atMs < first.atMs || (entry.atMs === first.atMs && entry.order < first.order))
        first = entry;
    }
    return first;
  }
}
