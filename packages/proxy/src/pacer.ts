import { type Clock, type Logger, TimerWheel, type WheelTimer } from "@sip-push/sip";

interface Turn {
  readonly timer: WheelTimer;
  wanted: boolean;
}

/**
 * Lets something happen for each key at most once per interval: at once when it rested, else when the interval is over, and
 * then once for all that asked meanwhile. RFC 3856 §6.10, RFC 3680 §4.10.
 */
export class Pacer {
  readonly #wheel: TimerWheel;
  readonly #intervalMs: number;
  readonly #act: (key: string) => void;
  readonly #logger: Logger;
  readonly #turns = new Map<string, Turn>();

  constructor({ clock, logger }: { clock: Clock; logger: Logger }, intervalMs: number, act: (key: string) => void) {
    this.#wheel = new TimerWheel(clock, 100);
    this.#logger = logger;
    this.#intervalMs = intervalMs;
    this.#act = act;
  }

  /** Keys that rest. */
  get size(): number {
    return this.#turns.size;
  }

  ask(key: string): void {
    const turn = this.#turns.get(key);
    if (turn !== undefined) turn.wanted = true;
    else this.#go(key);
  }

  close(): void {
    this.#wheel.close();
    this.#turns.clear();
  }

  #go(key: string): void {
    if (this.#intervalMs > 0) {
      const timer = this.#wheel.timer(() => this.#rested(key));
      this.#turns.set(key, { timer, wanted: false });
      this.#wheel.start(timer, this.#intervalMs);
    }
    try {
      this.#act(key);
    } catch (error) {
      this.#logger.error({ err: error, key }, "watchers could not be told of a change");
    }
  }

  #rested(key: string): void {
    const wanted = this.#turns.get(key)?.wanted === true;
    this.#turns.delete(key);
    if (wanted) this.#go(key);
  }
}
