import type { Clock } from "@sip-push/sip";

/** Remembers what was set in the last `windowMs`, at most `maxEntries` of it; past that the oldest are forgotten early. */
export class RecentMap<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly untilMs: number }>();
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxEntries: number;

  constructor(clock: Clock, windowMs: number, maxEntries: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxEntries = maxEntries;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.untilMs <= this.#clock.now() ? undefined : entry.value;
  }

  /** Remembers, as the newest. */
  set(key: string, value: V): void {
    const nowMs = this.#clock.now();
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: nowMs + this.#windowMs });
    // All live equally long, so the oldest come first: each call forgets about as many as it adds.
    for (const [oldest, { untilMs }] of this.#entries) {
      if (untilMs > nowMs && this.#entries.size <= this.#maxEntries) return;
      this.#entries.delete(oldest);
    }
  }

  /** Forgets `key` if it still has `value`. */
  delete(key: string, value: V): void {
    if (this.#entries.get(key)?.value === value) this.#entries.delete(key);
  }
}
