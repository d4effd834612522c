import { randomBytes } from "node:crypto";
import type { Clock } from "../clock.ts";

/** Generations that live at a time; an entry stays for its time and up to one generation longer. */
const GENERATIONS = 8;
const FIRST_CHUNK_BYTES = 65_536;
const MAX_CHUNK_BYTES = 4_194_304;
/** Entry: previous entry of the same hash (8), expiry in ms (8), key length (4), response length (4), key, response. */
const ENTRY_HEAD = 24;

interface Generation {
  readonly startMs: number;
  /** Hash of the key -> place of the newest entry with it. */
  readonly places: Map<number, number>;
  readonly chunks: Buffer[];
  used: number;
  bytes: number;
}

/**
 * Final responses kept for Timer J, to answer retransmissions with (RFC 3261 §17.2.2). At 30,000 requests a second that
 * is a million at a time, so they are octets in large chunks outside the garbage collector's sight, in generations that
 * are dropped whole.
 */
export class CompletedResponses {
  readonly #clock: Clock;
  readonly #keepMs: number;
  readonly #maxBytes: number;
  #generations: Generation[] = [];
  #bytes = 0;
  /** Secret, so that nobody can send branches of one hash and make every look-up a walk. */
  readonly #seed: number = randomBytes(4).readInt32LE();
  /** Entries given up early because `maxBytes` was reached. */
  evicted = 0;

  /**
   * @param keepMs how long a response is kept: Timer J.
   * @param maxBytes bound on the octets kept; past it the oldest are given up and counted.
   */
  constructor(clock: Clock, keepMs: number, maxBytes: number = 1_073_741_824) {
    this.#clock = clock;
    this.#keepMs = keepMs;
    this.#maxBytes = maxBytes;
  }

  /** Keeps a copy of `response` under `key` (an octet string). */
  put(key: string, response: Uint8Array): void {
    const now = this.#clock.now();
    const generation = this.#current(now);
    const size = ENTRY_HEAD + key.length + response.length;
    const { chunk, at, place } = this.#reserve(generation, size);
    const hash = hashOf(key, this.#seed);
    chunk.writeDoubleLE(generation.places.get(hash) ?? -1, at);
    chunk.writeDoubleLE(now + this.#keepMs, at + 8);
    chunk.writeUInt32LE(key.length, at + 16);
    chunk.writeUInt32LE(response.length, at + 20);
    chunk.write(key, at + ENTRY_HEAD, "latin1");
    chunk.set(response, at + ENTRY_HEAD + key.length);
    generation.places.set(hash, place);
  }

  /** The response kept under `key`, as a view to be sent at once; undefined when there is none or its time is over. */
  get(key: string): Uint8Array | undefined {
    this.#expire(this.#clock.now());
    if (this.#generations.length === 0) return undefined;
    const hash = hashOf(key, this.#seed);
    for (const generation of this.#generations) {
      const first = generation.places.get(hash);
      for (let place = first ?? -1; place >= 0; ) {
        const chunk = generation.chunks[Math.floor(place / MAX_CHUNK_BYTES)] as Buffer;
        const at = place % MAX_CHUNK_BYTES;
        const keyLength = chunk.readUInt32LE(at + 16);
        const bodyAt = at + ENTRY_HEAD + keyLength;
        if (keyLength === key.length && chunk.toString("latin1", at + ENTRY_HEAD, bodyAt) === key) {
          // An expired one may hide a newer entry of the same key behind it.
          const live = chunk.readDoubleLE(at + 8) > this.#clock.now();
          if (live) return chunk.subarray(bodyAt, bodyAt + chunk.readUInt32LE(at + 20));
        }
        place = chunk.readDoubleLE(at);
      }
    }
    return undefined;
  }

  /** Octets held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Forgets everything. */
  clear(): void {
    this.#generations = [];
    this.#bytes = 0;
  }

  #current(now: number): Generation {
    this.#expire(now);
    const last = this.#generations.at(-1);
    if (last !== undefined && now - last.startMs < this.#keepMs / GENERATIONS) return last;
    const generation: Generation = { startMs: now, places: new Map(), chunks: [], used: 0, bytes: 0 };
    this.#generations.push(generation);
    return generation;
  }

  #expire(now: number): void {
    for (let oldest = this.#generations[0]; oldest !== undefined; oldest = this.#generations[0]) {
      const done = now - oldest.startMs >= this.#keepMs + this.#keepMs / GENERATIONS;
      const tooMuch = this.#bytes > this.#maxBytes && this.#generations.length > 1;
      if (!done && !tooMuch) return;
      if (!done) this.evicted += oldest.places.size;
      this.#bytes -= oldest.bytes;
      this.#generations.shift();
    }
  }

  #reserve(generation: Generation, size: number): { chunk: Buffer; at: number; place: number } {
    let chunk = generation.chunks.at(-1);
    if (chunk === undefined || generation.used + size > chunk.length) {
      const wanted = chunk === undefined ? FIRST_CHUNK_BYTES : Math.min(chunk.length * 4, MAX_CHUNK_BYTES);
      chunk = Buffer.allocUnsafeSlow(Math.max(wanted, size));
      generation.chunks.push(chunk);
      generation.used = 0;
      generation.bytes += chunk.length;
      this.#bytes += chunk.length;
    }
    const at = generation.used;
    generation.used += size;
    return { chunk, at, place: (generation.chunks.length - 1) * MAX_CHUNK_BYTES + at };
  }
}

/** FNV-1a, cut to 30 bits so that a Map keeps it as a small integer. Equal hashes are told apart by the key itself. */
function hashOf(key: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 15)) & 0x3fff_ffff;
}
