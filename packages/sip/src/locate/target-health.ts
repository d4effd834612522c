import type { Clock } from "../clock.ts";
import type { Target } from "../transport/transport.ts";

export interface TargetHealthOptions {
  readonly clock: Clock;
  /** Failed targets remembered; past that the oldest is forgotten. Default 1000. */
  readonly maxTargets?: number;
  /** No target is avoided longer, whatever its Retry-After says. Default 3600000. */
  readonly maxAvoidMs?: number;
}

/**
 * Remembers which targets failed lately (503, timeout, transport failure), so that the next request tries them last
 * (RFC 3263 §4.3, RFC 3261 §21.5.4). They are not left out: when all have failed, one of them may be back.
 */
export class TargetHealth {
  readonly #clock: Clock;
  readonly #maxTargets: number;
  readonly #maxAvoidMs: number;
  /** Clock time until which to avoid, by target; in order of failure. */
  readonly #until = new Map<string, number>();

  constructor(options: TargetHealthOptions) {
    this.#clock = options.clock;
    this.#maxTargets = options.maxTargets ?? 1000;
    this.#maxAvoidMs = options.maxAvoidMs ?? 3_600_000;
  }

  /** Targets remembered now, those whose time is over included. */
  get size(): number {
    return this.#until.size;
  }

  /** Avoids `target` for `avoidMs` from now: the Retry-After of a 503, or what the caller finds right. */
  failed(target: Target, avoidMs: number): void {
    if (!(avoidMs > 0)) return;
    const key = keyOf(target);
    const until = Math.max(this.#until.get(key) ?? 0, this.#clock.now() + Math.min(avoidMs, this.#maxAvoidMs));
    this.#until.delete(key);
    this.#until.set(key, until);
    if (this.#until.size > this.#maxTargets) this.#shrink();
  }

  /** `target` answered: use it again at once. */
  recovered(target: Target): void {
    if (this.#until.size > 0) this.#until.delete(keyOf(target));
  }

  /** For how long `target` is still to be avoided, in milliseconds; 0 when it is not. */
  avoidMs(target: Target): number {
    const until = this.#until.size === 0 ? undefined : this.#until.get(keyOf(target));
    return until === undefined ? 0 : Math.max(until - this.#clock.now(), 0);
  }

  /**
   * `targets` in their order, but those to be avoided at the end, the one that is free soonest first. Targets are drawn
   * one by one, so that nothing is looked up in DNS before it is needed.
   */
  async *order(targets: Iterable<Target> | AsyncIterable<Target>): AsyncGenerator<Target, void, undefined> {
    const avoided: Target[] = [];
    for await (const target of targets) {
      if (this.avoidMs(target) > 0) avoided.push(target);
      else yield target;
    }
    yield* avoided.sort((a, b) => this.avoidMs(a) - this.avoidMs(b));
  }

  #shrink(): void {
    const now = this.#clock.now();
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key);
    for (const oldest of this.#until.keys()) {
      if (this.#until.size <= this.#maxTargets) return;
      this.#until.delete(oldest);
    }
  }
}

function keyOf({ transport, address, port }: Target): string {
  return `${transport} ${address} ${port}`;
}
