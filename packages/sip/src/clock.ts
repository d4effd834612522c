/** A running timer. */
export interface Timer {
  /** Stops it; harmless when it has fired or was cancelled. */
  cancel(): void;
}

/** Time as an input: the real one in programs, a virtual one in tests. */
export interface Clock {
  /** Milliseconds that only grow; the origin means nothing. */
  now(): number;
  /** Wall time, for Date and Expires. */
  date(): Date;
  /** Calls `fire` once, `delayMs` from now. */
  schedule(delayMs: number, fire: () => void): Timer;
}

/** The machine's own time. Its timers do not keep a process alive: sockets do, and `close()` ends both. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  schedule(delayMs, fire) {
    const timer = setTimeout(fire, Math.max(delayMs, 0));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
