/** How far back a nonce count may come late: requests overtake each other on UDP. */
const WINDOW = 32;

/** The counts that one nonce was used with: the highest, and a bit for each of the 32 that end there. RFC 7616 §5.12. */
export class NonceCount {
  #highest = Number.NEGATIVE_INFINITY;
  /** Bit 0 is the highest. */
  #seen = 0;

  /** False when `count` was seen before or lies more than 31 below the highest one. */
  use(count: number): boolean {
    const ahead = count - this.#highest;
    if (ahead > 0) {
      this.#seen = ahead < WINDOW ? (this.#seen << ahead) | 1 : 1;
      this.#highest = count;
      return true;
    }
    const bit = -ahead < WINDOW ? 1 << -ahead : 0;
    if (bit === 0 || (this.#seen & bit) !== 0) return false;
    this.#seen |= bit;
    return true;
  }
}
