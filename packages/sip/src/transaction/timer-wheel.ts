import { BriefMap } from "../brief-map.ts";
import type { Clock, Timer } from "../clock.ts";

/** Ticks looked at one by one; past that (ten seconds of nothing fired) the slots are sorted instead. */
const MAX_STEPS = 1000;

/** A slot in the wheel's lists; what waits for a time holds one of these instead of a timer of its own. */
export interface WheelTimer {
  readonly fire: () => void;
  /** @internal */ tick: number;
  /** @internal */ previous: WheelTimer | undefined;
  /** @internal */ next: WheelTimer | undefined;
}

/**
 * One clock timer for any number of waiting things: 100,000 transactions with two timers each cost two list nodes each
 * and one wake-up per tick. Times are rounded up to the tick, never down.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #slots = new BriefMap<number, WheelTimer>();
  #wake: Timer | undefined;
  #wakeTick = Number.POSITIVE_INFINITY;
  #size = 0;
  #closed = false;

  constructor(clock: Clock, tickMs = 10) {
    this.#clock = clock;
    this.#tickMs = tickMs;
  }

  /** How many timers wait. */
  get size(): number {
    return this.#size;
  }

  /** The clock's time, in milliseconds. */
  now(): number {
    return this.#clock.now();
  }

  /** A timer that is not running yet. */
  timer(fire: () => void): WheelTimer {
    return { fire, tick: -1, previous: undefined, next: undefined };
  }

  /** Starts it, or starts it anew. */
  start(timer: WheelTimer, delayMs: number): void {
    if (timer.tick >= 0) this.stop(timer);
    if (this.#closed) return;
    const tick = Math.ceil((this.#clock.now() + delayMs) / this.#tickMs);
    const head = this.#slots.get(tick);
    timer.tick = tick;
    timer.next = head;
    if (head !== undefined) head.previous = timer;
    this.#slots.set(tick, timer);
    this.#size++;
    if (tick < this.#wakeTick) this.#wakeAt(tick);
  }

  /** Stops it; harmless when it does not run. */
  stop(timer: WheelTimer): void {
    if (timer.tick < 0) return;
    if (timer.previous !== undefined) timer.previous.next = timer.next;
    else if (timer.next !== undefined) this.#slots.set(timer.tick, timer.next);
    else this.#slots.delete(timer.tick);
    if (timer.next !== undefined) timer.next.previous = timer.previous;
    timer.tick = -1;
    timer.previous = undefined;
    timer.next = undefined;
    this.#size--;
  }

  /** Forgets all timers, for good: none that is started later runs. */
  close(): void {
    this.#closed = true;
    this.#wake?.cancel();
    this.#wake = undefined;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    for (const tick of [...this.#slots.keys()]) {
      for (let timer = this.#slots.get(tick); timer !== undefined; timer = this.#slots.get(tick)) this.stop(timer);
    }
  }

  #wakeAt(tick: number): void {
    this.#wake?.cancel();
    this.#wakeTick = tick;
    this.#wake = this.#clock.schedule(tick * this.#tickMs - this.#clock.now(), () => this.#turn());
  }

  #turn(): void {
    const now = Math.floor(this.#clock.now() / this.#tickMs);
    const from = this.#wakeTick;
    this.#wake = undefined;
    this.#wakeTick = Number.POSITIVE_INFINITY;
    let threw = true;
    try {
      // Ticks between two wake-ups are few; slots are keyed by tick, so an empty one costs one look-up.
      if (now - from < MAX_STEPS) for (let tick = from; tick <= now; tick++) this.#fireAll(tick);
      else for (const tick of this.#ticksUntil(now)) this.#fireAll(tick);
      threw = false;
    } finally {
      // What a timer that threw kept from firing is found by a search for the oldest.
      this.#sleep(threw ? -1 : now + 1);
    }
  }

  /** After a jump of the clock (the machine slept): only the ticks that have timers, in order. */
  #ticksUntil(now: number): number[] {
    return [...this.#slots.keys()].filter((tick) => tick <= now).sort((a, b) => a - b);
  }

  #fireAll(tick: number): void {
    for (let timer = this.#slots.get(tick); timer !== undefined; timer = this.#slots.get(tick)) {
      this.stop(timer);
      timer.fire();
    }
  }

  #sleep(from: number): void {
    if (this.#closed || this.#slots.size === 0) return;
    let tick = Number.POSITIVE_INFINITY;
    // A few thousand slots at most (32 s of ticks); while traffic runs the next one is close.
    if (this.#slots.has(from)) tick = from;
    else for (const key of this.#slots.keys()) if (key < tick) tick = key;
    if (tick < this.#wakeTick) this.#wakeAt(tick);
  }
}
