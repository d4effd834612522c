/** What was seen, as far as there is room: the oldest is forgotten first. */
export class Repetitions {
  readonly #seen = new Set<string>();
  readonly #max: number;

  constructor(max: number) {
    this.#max = max;
  }

  has(identity: string): boolean {
    return this.#seen.has(identity);
  }

  add(identity: string): void {
    this.#seen.delete(identity);
    this.#seen.add(identity);
    if (this.#seen.size <= this.#max) return;
    const [oldest] = this.#seen;
    this.#seen.delete(oldest as string);
  }
}
