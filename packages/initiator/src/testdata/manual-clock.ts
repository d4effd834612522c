import type { InitiatorClock } from "../options.ts";

/** A clock that stands still until `fireAll`. */
export class ManualClock implements InitiatorClock {
  readonly #timers = new Set<() => void>();

  now(): number {
    return 0;
  }

  date(): Date {
    return new Date("2026-11-21T17:30:00Z");
  }

  schedule(_delayMs: number, fire: () => void): { cancel(): void } {
    this.#timers.add(fire);
    return { cancel: () => void this.#timers.delete(fire) };
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }

  /** Everything falls due. */
  fireAll(): void {
    for (const fire of [...this.#timers]) {
      this.#timers.delete(fire);
      fire();
    }
  }
}
