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

/** Node fires at once what is to fire later than this (24.8 days). */
const LONGEST_MS = 0x7fff_ffff;

/** The machine's own time. Its timers do not keep a process alive: sockets do, and `close()` ends both. */
export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  schedule(delayMs, fire) {
    const dueMs = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const start = (): void => {
      const leftMs = Math.max(dueMs - performance.now(), 0);
      timer = leftMs > LONGEST_MS ? setTimeout(start, LONGEST_MS) : setTimeout(fire, leftMs);
      timer.unref();
    };
    start();
    return { cancel: () => clearTimeout(timer) };
  },
};
