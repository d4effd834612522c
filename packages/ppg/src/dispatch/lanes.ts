import { BriefMap } from "@sip-push/sip";
import type { Flight } from "./flight.ts";

/** Waiting in memory spares the store a round; a few, because a recipient that does not answer takes 32 s for each. */
const MAX_WAITING_EACH = 8;
/** What does not fit comes back one after the other, at this distance at least. */
const SHORTEST_GAP_MS = 10;

interface Lane {
  readonly active: Flight;
  waiting: Flight[] | undefined;
  slotMs: number;
}

/**
 * One attempt at a time to one recipient: "a UAC MUST NOT initiate a new out-of-dialog MESSAGE transaction to a given URI if there
 * is a previous out-of-dialog transaction pending for the same URI" (RFC 3428 §8). The sender keeps that too; here those that wait
 * do not take places that attempts to others could have.
 */
export class Lanes {
  readonly #lanes = new BriefMap<string, Lane>();
  readonly #maxWaiting: number;
  #waiting = 0;

  /** @param maxWaiting in all. */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Those that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /**
   * Undefined: it is its turn, until {@link leave}. `waits`: the `leave` of another brings it back. A number: there is no room;
   * when to try again, by the clock of `nowMs`.
   */
  enter(flight: Flight, nowMs: number): undefined | "waits" | number {
    const { recipient } = flight.delivery;
    const lane = this.#lanes.get(recipient);
    if (lane === undefined) {
      this.#lanes.set(recipient, { active: flight, waiting: undefined, slotMs: 0 });
      return undefined;
    }
    if (this.#waiting < this.#maxWaiting && (lane.waiting?.length ?? 0) < MAX_WAITING_EACH) {
      lane.waiting ??= [];
      lane.waiting.push(flight);
      this.#waiting++;
      return "waits";
    }
    const gapMs = Math.max(SHORTEST_GAP_MS, nowMs - lane.active.beganMs);
    lane.slotMs = Math.max(lane.slotMs, nowMs) + gapMs;
    return lane.slotMs;
  }

  /** Its turn is over. Returns the next, which has its turn now. */
  leave(flight: Flight): Flight | undefined {
    const { recipient } = flight.delivery;
    const lane = this.#lanes.get(recipient);
    if (lane === undefined || lane.active !== flight) return undefined;
    const next = lane.waiting?.shift();
    if (next === undefined) {
      this.#lanes.delete(recipient);
      return undefined;
    }
    this.#waiting--;
    this.#lanes.set(recipient, { ...lane, active: next });
    return next;
  }

  /** Takes one out that waits. */
  remove(flight: Flight): void {
    const waiting = this.#lanes.get(flight.delivery.recipient)?.waiting;
    const index = waiting?.indexOf(flight) ?? -1;
    if (waiting === undefined || index < 0) return;
    waiting.splice(index, 1);
    this.#waiting--;
  }
}
