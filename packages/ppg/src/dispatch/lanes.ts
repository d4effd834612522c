import { priorities } from "@sip-push/pap";
import { BriefMap } from "@sip-push/sip";
import type { Flight } from "./flight.ts";

/** Waiting in memory spares the store a round; a few, because a recipient that does not answer takes 32 s for each. */
const MAX_WAITING_EACH = 8;
/** What does not fit comes back one after the other, at this distance at least. */
const SHORTEST_GAP_MS = 10;

interface Lane {
  readonly active: Flight;
  /** In the order in which they take their turns. */
  waiting: Flight[] | undefined;
  slotMs: number;
}

/** Which of those that wait finds no room, and when it may try again, by the clock of `nowMs`. */
export interface NoRoom {
  readonly flight: Flight;
  readonly againAtMs: number;
}

/**
 * One attempt at a time to one recipient: "a UAC MUST NOT initiate a new out-of-dialog MESSAGE transaction to a given URI if there
 * is a previous out-of-dialog transaction pending for the same URI" (RFC 3428 §8). The sender keeps that too; here those that wait
 * do not take places that attempts to others could have. Those of higher priority take their turns first, then those that came to
 * the gateway first.
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
   * `now`: it is its turn, until {@link leave}. `waits`: the `leave` of another brings it back. Else it waits, unless it is the one
   * that finds no room itself.
   */
  enter(flight: Flight, nowMs: number): "now" | "waits" | NoRoom {
    const { recipient } = flight.delivery;
    const lane = this.#lanes.get(recipient);
    if (lane === undefined) {
      this.#lanes.set(recipient, { active: flight, waiting: undefined, slotMs: 0 });
      return "now";
    }
    const waiting = (lane.waiting ??= []);
    const place = waiting.findLastIndex((other) => isBefore(other, flight)) + 1;
    waiting.splice(place, 0, flight);
    this.#waiting++;
    if (this.#waiting <= this.#maxWaiting && waiting.length <= MAX_WAITING_EACH) return "waits";
    this.#waiting--;
    const gapMs = Math.max(SHORTEST_GAP_MS, nowMs - lane.active.beganMs);
    lane.slotMs = Math.max(lane.slotMs, nowMs) + gapMs;
    return { flight: waiting.pop() ?? flight, againAtMs: lane.slotMs };
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

/** The ids of deliveries grow as they are submitted. */
function isBefore({ delivery: a }: Flight, { delivery: b }: Flight): boolean {
  const higher = priorities.indexOf(b.priority) - priorities.indexOf(a.priority);
  return higher > 0 || (higher === 0 && a.id < b.id);
}
