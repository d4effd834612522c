import type { Clock } from "../clock.ts";

/**
 * Branches of client transactions in Completed: a response that comes again for one of them is absorbed (RFC 3261
 * §17.1.2.2). Two generations, each dropped whole, so a branch stays for the time of Timer K and up to twice as long.
 */
export class CompletedBranches {
  readonly #clock: Clock;
  readonly #keepMs: number;
  #sinceMs: number;
  #young = new Set<string>();
  #old = new Set<string>();

  /** @param keepMs Timer K. */
  constructor(clock: Clock, keepMs: number) {
    this.#clock = clock;
    this.#keepMs = keepMs;
    this.#sinceMs = clock.now();
  }

  add(branch: string): void {
    this.#rotate();
    this.#young.add(branch);
  }

  has(branch: string): boolean {
    this.#rotate();
    return this.#young.has(branch) || this.#old.has(branch);
  }

  #rotate(): void {
    const now = this.#clock.now();
    const elapsedMs = now - this.#sinceMs;
    if (elapsedMs < this.#keepMs) return;
    this.#old = elapsedMs < 2 * this.#keepMs ? this.#young : new Set();
    this.#young = new Set();
    this.#sinceMs = now;
  }
}
