import { hash } from "node:crypto";
import type { Clock } from "@sip-push/sip";

interface Entry<V> {
  readonly value: V;
  /** Whole milliseconds since the map was made: V8 keeps a fraction, or a large number, in an object of its own. Rounded down: 0 ms is none. */
  readonly untilMs: number;
}

/** Remembers what was set in the last `windowMs`, at most `maxEntries` of it; past that the oldest are forgotten early. */
export class RecentMap<V> {
  readonly #entries = new Map<string, Entry<V>>();
  readonly #clock: Clock;
  readonly #windowMs: number;
  readonly #maxEntries: number;
  readonly #madeMs: number;
  /**
   * Walks the map once, the oldest first, and goes on where it stopped: a new walk would begin with all the places of what was
   * deleted (60 µs for 100,000 entries).
   */
  #walk: Iterator<[string, Entry<V>], undefined>;
  #oldest: [string, Entry<V>] | undefined;

  constructor(clock: Clock, windowMs: number, maxEntries: number) {
    this.#clock = clock;
    this.#windowMs = windowMs;
    this.#maxEntries = maxEntries;
    this.#madeMs = clock.now();
    this.#walk = this.#entries.entries();
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    return entry === undefined || entry.untilMs <= this.#nowMs() ? undefined : entry.value;
  }

  /** Remembers, as the newest. */
  set(key: string, value: V): void {
    const nowMs = this.#nowMs();
    this.#entries.delete(key);
    this.#entries.set(key, { value, untilMs: Math.floor(nowMs + this.#windowMs) });
    // All live equally long, so the oldest come first: each call forgets about as many as it adds.
    for (let oldest = this.#first(); oldest !== undefined; oldest = this.#first()) {
      if (oldest[1].untilMs > nowMs && this.#entries.size <= this.#maxEntries) return;
      this.#entries.delete(oldest[0]);
    }
  }

  /** Forgets `key` if it still has `value`. */
  delete(key: string, value: V): void {
    if (this.#entries.get(key)?.value === value) this.#entries.delete(key);
  }

  #nowMs(): number {
    return this.#clock.now() - this.#madeMs;
  }

  /** The oldest entry that is still there. */
  #first(): [string, Entry<V>] | undefined {
    if (this.#entries.size === 0) {
      // A walk that has come to its end does not go on.
      this.#walk = this.#entries.entries();
      this.#oldest = undefined;
      return undefined;
    }
    while (this.#oldest === undefined || this.#entries.get(this.#oldest[0]) !== this.#oldest[1]) {
      this.#oldest = this.#walk.next().value;
      if (this.#oldest === undefined) this.#walk = this.#entries.entries();
    }
    return this.#oldest;
  }
}

const MAX_KEY = 256;

/**
 * A key of bounded length: peers choose Call-IDs and session ids, of up to 64 KiB, and many are kept. It is a copy, because V8 keeps
 * the whole text that a string was cut out of.
 */
export function memoryKey(text: string): string {
  return text.length <= MAX_KEY ? Buffer.from(text).toString() : hash("sha256", text, "hex");
}
