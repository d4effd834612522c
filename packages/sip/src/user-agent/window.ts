import { onAbort } from "../abort.ts";
import { BriefMap } from "../brief-map.ts";

/** Bounds of a {@link DestinationWindow}. */
export interface WindowLimits {
  /** Requests under way to one destination at a time. */
  readonly maxInFlight: number;
  /** Requests that may wait for a place, per destination; more are refused. */
  readonly maxWaiting: number;
}

/** 128 requests of a push's size fit the receive buffer that a Linux host gives a UDP socket unless told otherwise. */
export const defaultWindow: WindowLimits = { maxInFlight: 128, maxWaiting: 100_000 };

/** One that waits for a place; without `admit` when it has given up. */
interface Waiter {
  admit: (() => void) | undefined;
}

interface Lane {
  inFlight: number;
  readonly waiting: Waiter[];
  /** Index of the first that waits: shifting an array of thousands for each would cost more than the request. */
  head: number;
  /** How many of those behind `head` have given up. */
  gone: number;
}

/**
 * In-flight window per destination, so that a burst does not overflow the peer's buffers. Past the limits it refuses
 * and counts; nothing queues without bound.
 */
export class DestinationWindow<Destination> {
  readonly #limits: WindowLimits;
  readonly #lanes = new BriefMap<Destination, Lane>();
  refused = 0;

  constructor(limits: WindowLimits = defaultWindow) {
    this.#limits = limits;
  }

  /**
   * Takes a place: true at once, false when refused, or a promise for when one is free: of true, or of false when `signal`
   * was aborted before.
   */
  enter(destination: Destination, signal?: AbortSignal): boolean | Promise<boolean> {
    let lane = this.#lanes.get(destination);
    if (lane === undefined) {
      lane = { inFlight: 0, waiting: [], head: 0, gone: 0 };
      this.#lanes.set(destination, lane);
    }
    if (lane.inFlight < this.#limits.maxInFlight) {
      lane.inFlight++;
      return true;
    }
    if (lane.waiting.length - lane.head - lane.gone >= this.#limits.maxWaiting) {
      this.refused++;
      return false;
    }
    return wait(lane, signal);
  }

  /** Gives the place back; the next that waits gets it. */
  leave(destination: Destination): void {
    const lane = this.#lanes.get(destination);
    if (lane === undefined) return;
    while (lane.head < lane.waiting.length) {
      const admit = lane.waiting[lane.head]?.admit;
      lane.head++;
      if (admit === undefined) {
        lane.gone--;
        continue;
      }
      if (lane.head > 1024 && lane.head * 2 > lane.waiting.length) dropHead(lane);
      admit();
      return;
    }
    dropHead(lane);
    lane.inFlight--;
    if (lane.inFlight === 0) this.#lanes.delete(destination);
  }
}

function wait(lane: Lane, signal: AbortSignal | undefined): Promise<boolean> {
  if (signal?.aborted) return Promise.resolve(false);
  return new Promise((resolve) => {
    const waiter: Waiter = {
      admit: () => {
        stopWaiting?.();
        resolve(true);
      },
    };
    const giveUp = (): void => {
      waiter.admit = undefined;
      lane.gone++;
      if (lane.gone > 1024 && lane.gone * 2 > lane.waiting.length - lane.head) dropGone(lane);
      resolve(false);
    };
    const stopWaiting = signal && onAbort(signal, giveUp);
    lane.waiting.push(waiter);
  });
}

function dropHead(lane: Lane): void {
  lane.waiting.splice(0, lane.head);
  lane.head = 0;
}

function dropGone(lane: Lane): void {
  const left = lane.waiting.slice(lane.head).filter(({ admit }) => admit !== undefined);
  lane.waiting.length = 0;
  for (const waiter of left) lane.waiting.push(waiter);
  lane.head = 0;
  lane.gone = 0;
}
