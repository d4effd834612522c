/** Bounds of a {@link DestinationWindow}. */
export interface WindowLimits {
  /** Requests under way to one destination at a time. */
  readonly maxInFlight: number;
  /** Requests that may wait for a place, per destination; more are refused. */
  readonly maxWaiting: number;
}

/** 128 requests of a push's size fit the receive buffer that a Linux host gives a UDP socket unless told otherwise. */
export const defaultWindow: WindowLimits = { maxInFlight: 128, maxWaiting: 100_000 };

interface Lane {
  inFlight: number;
  readonly waiting: Array<() => void>;
  /** Index of the first that waits: shifting an array of thousands for each would cost more than the request. */
  head: number;
}

/**
 * In-flight window per destination, so that a burst does not overflow the peer's buffers. Past the limits it refuses
 * and counts; nothing queues without bound.
 */
export class DestinationWindow<Destination> {
  readonly #limits: WindowLimits;
  readonly #lanes = new Map<Destination, Lane>();
  refused = 0;

  constructor(limits: WindowLimits = defaultWindow) {
    this.#limits = limits;
  }

  /** Takes a place: true at once, false when refused, or a promise of true for when one is free. */
  enter(destination: Destination): boolean | Promise<true> {
    let lane = this.#lanes.get(destination);
    if (lane === undefined) {
      lane = { inFlight: 0, waiting: [], head: 0 };
      this.#lanes.set(destination, lane);
    }
    if (lane.inFlight < this.#limits.maxInFlight) {
      lane.inFlight++;
      return true;
    }
    if (lane.waiting.length - lane.head >= this.#limits.maxWaiting) {
      this.refused++;
      return false;
    }
    const { waiting } = lane;
    return new Promise((resolve) => waiting.push(() => resolve(true)));
  }

  /** Gives the place back; the next that waits gets it. */
  leave(destination: Destination): void {
    const lane = this.#lanes.get(destination);
    if (lane === undefined) return;
    const next = lane.waiting[lane.head];
    if (next !== undefined) {
      lane.head++;
      if (lane.head > 1024 && lane.head * 2 > lane.waiting.length) {
        lane.waiting.splice(0, lane.head);
        lane.head = 0;
      }
      next();
      return;
    }
    lane.inFlight--;
    if (lane.inFlight === 0) this.#lanes.delete(destination);
  }
}
