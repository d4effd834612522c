const OFFERED = 0;
const SPOKEN_FOR = 1;

/**
 * How many deliveries a dispatcher would take at once, as it says and as those who submit see it: in another thread, too, which has
 * the same buffer. What has been reserved, or is on its way to the dispatcher, is spoken for.
 */
export class Places {
  readonly buffer: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  /** @param buffer that of the other side; default: a new one. */
  constructor(buffer: SharedArrayBuffer = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.buffer = buffer;
    this.#numbers = new Int32Array(buffer);
  }

  /** By the dispatcher: there is room for so many, were none spoken for. */
  offer(count: number): void {
    Atomics.store(this.#numbers, OFFERED, count);
  }

  get spokenFor(): number {
    return Atomics.load(this.#numbers, SPOKEN_FOR);
  }

  /** By who submits: takes up to so many. Returns how many it got. */
  reserve(upTo: number): number {
    // In this order: what the dispatcher takes between the two is counted twice, and not forgotten.
    const spokenFor = this.spokenFor;
    const count = Math.max(0, Math.min(upTo, Atomics.load(this.#numbers, OFFERED) - spokenFor));
    Atomics.add(this.#numbers, SPOKEN_FOR, count);
    return count;
  }

  /** By who submits: not needed. By the dispatcher: it has them now, and counts them itself. */
  free(count: number): void {
    Atomics.sub(this.#numbers, SPOKEN_FOR, count);
  }
}
