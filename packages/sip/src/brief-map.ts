/**
 * A Map for what comes and goes with every message. When V8's own has many deleted entries it makes a new table, to which the old
 * one points. Once such a table is in the old generation, all later ones live until the next full collection, and so does whatever
 * was in them: of 64 things under way at a time, all that ever were. Here the tables hold keys and numbers only.
 *
 * Iterates in the order of insertion, as a Map; keys should be small.
 */
export class BriefMap<K, V> {
  readonly #places = new Map<K, number>();
  readonly #values: (V | undefined)[] = [];
  readonly #free: number[] = [];

  get size(): number {
    return this.#places.size;
  }

  get(key: K): V | undefined {
    const place = this.#places.get(key);
    return place === undefined ? undefined : this.#values[place];
  }

  has(key: K): boolean {
    return this.#places.has(key);
  }

  set(key: K, value: V): void {
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#free.pop() ?? this.#values.length;
      this.#places.set(key, place);
    }
    this.#values[place] = value;
  }

  /** Returns what was there. */
  take(key: K): V | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    const value = this.#values[place];
    this.#places.delete(key);
    this.#values[place] = undefined;
    this.#free.push(place);
    return value;
  }

  delete(key: K): boolean {
    const size = this.#places.size;
    this.take(key);
    return this.#places.size < size;
  }

  clear(): void {
    this.#places.clear();
    this.#values.length = 0;
    this.#free.length = 0;
  }

  keys(): MapIterator<K> {
    return this.#places.keys();
  }

  *values(): Generator<V, void> {
    for (const place of this.#places.values()) yield this.#values[place] as V;
  }

  *[Symbol.iterator](): Generator<[K, V], void> {
    for (const [key, place] of this.#places) yield [key, this.#values[place] as V];
  }
}
