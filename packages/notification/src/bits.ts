import { NotificationError } from "./errors.ts";
import { decodeUtf8 } from "./utf8.ts";

/** Reads big-endian fields in order; every short read is an error that names the field and where it starts. */
export class OctetReader {
  readonly #octets: Uint8Array;
  #offset = 0;

  constructor(octets: Uint8Array) {
    // A plain view: a Node Buffer would hand out Buffers, whose slice() does not copy.
    this.#octets = new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength);
  }

  /** Octets read so far. */
  get offset(): number {
    return this.#offset;
  }

  /** Octets left. */
  get remaining(): number {
    return this.#octets.length - this.#offset;
  }

  /** Unsigned big-endian integer of 1 to 4 octets. */
  uint(octetCount: 1 | 2 | 3 | 4, field: string): number {
    this.#need(octetCount, field);
    let value = 0;
    for (let left = octetCount; left > 0; left--) value = value * 256 + (this.#octets[this.#offset++] as number);
    return value;
  }

  /** The next octets, not copied. */
  view(octetCount: number, field: string): Uint8Array {
    this.#need(octetCount, field);
    const start = this.#offset;
    this.#offset += octetCount;
    return this.#octets.subarray(start, this.#offset);
  }

  #need(octetCount: number, field: string): void {
    if (octetCount <= this.remaining) return;
    const problem = `needs ${octetCount} octet${octetCount === 1 ? "" : "s"}, ${this.remaining} left`;
    throw new NotificationError("NOTIFICATION_TRUNCATED", problem, { field, offset: this.#offset });
  }

  /** The next octets, copied. */
  take(octetCount: number, field: string): Uint8Array {
    return this.view(octetCount, field).slice();
  }

  /** UTF-8 text whose length in octets is given by one octet before it. */
  text8(field: string): string {
    const octetCount = this.uint(1, field);
    const start = this.#offset;
    return decodeUtf8(this.view(octetCount, field), field, start);
  }

  /** Octets up to a NUL, which is read too. */
  untilNul(field: string): Uint8Array {
    const end = this.#octets.indexOf(0, this.#offset);
    if (end < 0) {
      throw new NotificationError("NOTIFICATION_TRUNCATED", "lacks its final NUL", { field, offset: this.#offset });
    }
    const octets = this.view(end - this.#offset, field);
    this.#offset = end + 1;
    return octets;
  }

  /** All octets that are left, copied. */
  rest(field: string): Uint8Array {
    return this.take(this.remaining, field);
  }
}

/** Collects big-endian fields. The caller has checked that values fit. */
export class OctetWriter {
  readonly #octets: number[] = [];

  /** Unsigned big-endian integer of 1 to 4 octets. */
  uint(octetCount: 1 | 2 | 3 | 4, value: number): this {
    for (let shift = (octetCount - 1) * 8; shift >= 0; shift -= 8) this.#octets.push((value >>> shift) & 0xff);
    return this;
  }

  octets(octets: Uint8Array): this {
    for (const octet of octets) this.#octets.push(octet);
    return this;
  }

  /** Octets after one octet that gives their number (0 to 255). */
  octets8(octets: Uint8Array): this {
    return this.uint(1, octets.length).octets(octets);
  }

  toOctets(): Uint8Array {
    return Uint8Array.from(this.#octets);
  }
}
