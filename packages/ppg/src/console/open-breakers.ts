import type { PpgEvent } from "../events.ts";

/** A destination that is not sent to as usual. */
export interface BreakerView {
  readonly destination: string;
  readonly phase: "open" | "half-open";
  readonly sinceMs: number;
}

const MOST = 200;

/** The circuit breakers of this node that are not closed; the first {@link MOST} of them. */
export class OpenBreakers {
  readonly #breakers = new Map<string, BreakerView>();

  hear(event: PpgEvent): void {
    if (event.event !== "breaker") return;
    const { destination, phase, atMs } = event;
    if (phase === "closed") this.#breakers.delete(destination);
    else if (this.#breakers.has(destination) || this.#breakers.size < MOST) {
      const sinceMs = this.#breakers.get(destination)?.sinceMs ?? atMs;
      this.#breakers.set(destination, { destination, phase, sinceMs });
    }
  }

  view(): BreakerView[] {
    return [...this.#breakers.values()];
  }
}
