import { isIPv6 } from "node:net";
import type { Clock } from "@sip-push/sip";

/** Wrong credentials from one address that cost nothing but their 401. */
const FREE_FAILURES = 10;
const FIRST_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 60_000;
/** After this long without another, failures are forgotten. */
const FORGET_MS = 600_000;
const MAX_ADDRESSES = 10_000;

interface Record {
  failures: number;
  lastAtMs: number;
  pausedUntilMs: number;
}

/** Slows down who guesses: after some failures each further one of an address makes it wait, twice as long each time. */
export class FailureThrottle {
  readonly #clock: Clock;
  readonly #freeFailures: number;
  readonly #records = new Map<string, Record>();

  /** @param freeFailures how many cost nothing. */
  constructor(clock: Clock, freeFailures: number = FREE_FAILURES) {
    this.#clock = clock;
    this.#freeFailures = freeFailures;
  }

  /** Whole seconds that this address is to wait before it may try again; 0: it may. */
  waitSeconds(address: string): number {
    const record = this.#records.get(networkOf(address));
    return record === undefined ? 0 : Math.max(0, Math.ceil((record.pausedUntilMs - this.#clock.now()) / 1_000));
  }

  /** Whether it is slowed down now. */
  failed(address: string): boolean {
    const key = networkOf(address);
    const nowMs = this.#clock.now();
    const known = this.#records.get(key);
    const failures = known === undefined || nowMs - known.lastAtMs > FORGET_MS ? 1 : known.failures + 1;
    const excess = failures - this.#freeFailures;
    const pauseMs = excess <= 0 ? 0 : Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(excess - 1, 10));
    // Anew, so that the first of the table is the one that has been quiet longest.
    this.#records.delete(key);
    this.#records.set(key, { failures, lastAtMs: nowMs, pausedUntilMs: nowMs + pauseMs });
    if (this.#records.size > MAX_ADDRESSES) {
      const [oldest] = this.#records.keys();
      if (oldest !== undefined) this.#records.delete(oldest);
    }
    return pauseMs > 0;
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#records.size;
  }
}

/** An IPv4 address itself; of an IPv6 address the first 64 bits, all of which one customer has. */
export function networkOf(address: string): string {
  const mapped = /^::ffff:([0-9.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const groups = [...before, ...Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0"), ...after];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
