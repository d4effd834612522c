import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Clock } from "../clock.ts";
import { NonceCount } from "./nonce-count.ts";

export interface NonceOptions {
  readonly clock: Clock;
  /** How long a nonce is good for. */
  readonly lifetimeMs: number;
  /** Key of the signature, 16 octets or more; servers that share it accept each other's nonces. */
  readonly secret: Uint8Array;
  /** Nonces in use that are kept; past that the oldest become stale. */
  readonly maxNonces: number;
}

/** What a nonce is worth: `foreign` was not made with our secret for this realm. */
export type NonceVerdict = "valid" | "expired" | "foreign";

const TIME_OCTETS = 6;
const RANDOM_OCTETS = 10;
const MAC_OCTETS = 16;
const NONCE = /^[A-Za-z0-9_-]{43}$/;
/** Counts seen of one nonce. */
interface Counts {
  readonly issuedMs: number;
  readonly count: NonceCount;
}

/**
 * Makes and checks nonces. A nonce is `time | random | HMAC-SHA-256(secret, time random realm)` in base64url, so handing one
 * out costs no memory; only nonces that came back with a right digest are remembered, for their counts. RFC 7616 §3.3, §5.4.
 */
export class Nonces {
  readonly #options: NonceOptions;
  /** In order of first use. */
  readonly #counts = new Map<string, Counts>();
  /** Nonces issued up to this time were pushed out of the table, so their counts are not known any more. */
  #forgottenMs = Number.NEGATIVE_INFINITY;

  constructor(options: NonceOptions) {
    this.#options = options;
  }

  /** A new nonce, 43 characters. `realm` is an octet string. */
  issue(realm: string): string {
    const head = Buffer.alloc(TIME_OCTETS + RANDOM_OCTETS);
    head.writeUIntBE(this.#nowMs(), 0, TIME_OCTETS);
    randomBytes(RANDOM_OCTETS).copy(head, TIME_OCTETS);
    return Buffer.concat([head, this.#mac(head, realm)]).toString("base64url");
  }

  check(nonce: string, realm: string): NonceVerdict {
    if (!NONCE.test(nonce)) return "foreign";
    const octets = Buffer.from(nonce, "base64url");
    const head = octets.subarray(0, TIME_OCTETS + RANDOM_OCTETS);
    if (!timingSafeEqual(octets.subarray(head.length), this.#mac(head, realm))) return "foreign";
    const issuedMs = issuedAt(octets);
    const ageMs = this.#nowMs() - issuedMs;
    const known = this.#counts.has(nonce) || issuedMs > this.#forgottenMs;
    // The wall clock may have been set back: a nonce from far in the future counts as expired too.
    return known && Math.abs(ageMs) < this.#options.lifetimeMs ? "valid" : "expired";
  }

  /**
   * Takes note that a valid nonce was used with this count; false when that count was seen before or lies more than
   * 31 below the highest one. Call it only when the digest is right, so that nobody else can use counts up.
   */
  use(nonce: string, count: number): boolean {
    let known = this.#counts.get(nonce);
    if (known === undefined) {
      this.#makeRoom();
      known = { issuedMs: issuedAt(Buffer.from(nonce, "base64url")), count: new NonceCount() };
      this.#counts.set(nonce, known);
    }
    return known.count.use(count);
  }

  /** Drops the expired ones at the front, and the oldest when the table is full. */
  #makeRoom(): void {
    const { lifetimeMs, maxNonces } = this.#options;
    const expiredMs = this.#nowMs() - lifetimeMs;
    for (const [nonce, { issuedMs }] of this.#counts) {
      if (issuedMs > expiredMs) {
        if (this.#counts.size < maxNonces) return;
        this.#forgottenMs = Math.max(this.#forgottenMs, issuedMs);
      }
      this.#counts.delete(nonce);
    }
  }

  #nowMs(): number {
    return this.#options.clock.date().getTime();
  }

  #mac(head: Uint8Array, realm: string): Buffer {
    const mac = createHmac("sha256", this.#options.secret).update(head).update(realm, "latin1").digest();
    return mac.subarray(0, MAC_OCTETS);
  }
}

function issuedAt(octets: Buffer): number {
  return octets.readUIntBE(0, TIME_OCTETS);
}
