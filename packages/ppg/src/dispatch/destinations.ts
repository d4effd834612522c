import {
  admitsAttempt,
  type BreakerEvent,
  type BreakerRule,
  type BreakerState,
  breakerAfter,
  closedBreaker,
} from "../delivery/circuit-breaker.machine.ts";
import type { PpgEvent } from "../events.ts";

type BreakerPhaseTold = Extract<PpgEvent, { event: "breaker" }>["phase"];

/** Whether an attempt may begin. When not: when to look again, by the clock of `nowMs`. */
export type Admission =
  | { readonly admitted: true; readonly probe: boolean }
  | { readonly admitted: false; readonly againAtMs: number };

/** How an attempt ended, as its destination is judged by it. */
export type DestinationVerdict = Extract<BreakerEvent, "success" | "failure" | "withdrawn">;

export interface DestinationsOptions {
  readonly rule: BreakerRule;
  /** Attempts under way to one destination. */
  readonly window: number;
  readonly random: () => number;
  /** Hears when a breaker changes. */
  readonly onBreaker: (destination: string, phase: BreakerPhaseTold, atMs: number) => void;
}

interface Destination {
  breaker: BreakerState;
  inFlight: number;
  /** When it answered last; 0: never. */
  answeredAtMs: number;
  /** How long an attempt takes, smoothed. */
  attemptMs: number;
  /** What does not fit the window comes back one after the other: when the last of them does. */
  slotMs: number;
}

const ADMITTED: Admission = { admitted: true, probe: false };
const PROBE: Admission = { admitted: true, probe: true };
const FIRST_ATTEMPT_MS = 50;
/** A place is not asked for more often. */
const SHORTEST_WAIT_MS = 20;
/** Destinations remembered although nothing is under way to them. */
const MAX_REMEMBERED = 10_000;

/** Windows and circuit breakers of the destinations that attempts go to. All times are of a clock that nobody sets. */
export class Destinations {
  readonly #options: DestinationsOptions;
  readonly #known = new Map<string, Destination>();

  constructor(options: DestinationsOptions) {
    this.#options = options;
  }

  /** Destinations whose breaker is not closed. */
  get broken(): number {
    let broken = 0;
    for (const { breaker } of this.#known.values()) if (breaker.phase !== "closed") broken++;
    return broken;
  }

  /** Destinations that are broken, or have something under way, or failed last. */
  get size(): number {
    return this.#known.size;
  }

  /** Takes a place for an attempt that begins now; {@link ended} gives it back. */
  admit(name: string, nowMs: number): Admission {
    const destination = this.#destination(name);
    const { breaker } = destination;
    if (breaker.openUntilMs !== null && breaker.openUntilMs <= nowMs) this.#tell(name, destination, "due", nowMs);
    if (!admitsAttempt(destination.breaker)) return this.#later(destination.breaker, nowMs);
    if (destination.inFlight >= this.#options.window) {
      const gapMs = destination.attemptMs / this.#options.window;
      destination.slotMs = Math.max(destination.slotMs, nowMs) + gapMs;
      return { admitted: false, againAtMs: Math.ceil(Math.max(destination.slotMs, nowMs + SHORTEST_WAIT_MS)) };
    }
    destination.inFlight++;
    if (destination.breaker.phase === "closed") return ADMITTED;
    this.#tell(name, destination, "attempt", nowMs);
    return PROBE;
  }

  /** An attempt ended that was admitted at `beganMs`. */
  ended(name: string, verdict: DestinationVerdict, attempt: { beganMs: number; probe: boolean }, nowMs: number): void {
    const destination = this.#destination(name);
    destination.inFlight--;
    if (verdict !== "withdrawn") destination.attemptMs += (nowMs - attempt.beganMs - destination.attemptMs) / 16;
    // It answers others meanwhile: that a handset behind it is silent is not its fault (RFC 4320 §4.2 lets no proxy say so).
    const alive = verdict === "failure" && destination.answeredAtMs > attempt.beganMs;
    const event = alive ? "withdrawn" : verdict;
    if (verdict === "success") destination.answeredAtMs = nowMs;
    // While a probe is under way it alone is news, or an answer.
    const counts = event === "success" || destination.breaker.phase !== "probing" || attempt.probe;
    if (counts && (event !== "success" || destination.breaker !== closedBreaker)) {
      this.#tell(name, destination, event, nowMs);
    }
    if (destination.inFlight === 0 && destination.breaker === closedBreaker) this.#known.delete(name);
  }

  #destination(name: string): Destination {
    let destination = this.#known.get(name);
    if (destination === undefined) {
      destination = { breaker: closedBreaker, inFlight: 0, answeredAtMs: 0, attemptMs: FIRST_ATTEMPT_MS, slotMs: 0 };
      this.#known.set(name, destination);
      if (this.#known.size > MAX_REMEMBERED) this.#forgetOne();
    }
    return destination;
  }

  /** The oldest to which nothing is under way, if the first few have one. */
  #forgetOne(): void {
    let looked = 0;
    for (const [name, { inFlight }] of this.#known) {
      if (inFlight === 0) {
        this.#known.delete(name);
        return;
      }
      if (++looked > 100) return;
    }
  }

  /** All that wait do not come back at the same moment. */
  #later({ openUntilMs, pauses }: BreakerState, nowMs: number): Admission {
    const { rule, random } = this.#options;
    const pauseMs = Math.min(rule.maxPauseMs, rule.initialPauseMs * 2 ** Math.min(Math.max(pauses - 1, 0), 30));
    const fromMs = openUntilMs ?? nowMs + SHORTEST_WAIT_MS;
    return { admitted: false, againAtMs: Math.ceil(fromMs + random() * pauseMs) };
  }

  #tell(name: string, destination: Destination, event: BreakerEvent, nowMs: number): void {
    const before = destination.breaker;
    destination.breaker = breakerAfter(before, event, nowMs, this.#options.rule);
    const { phase } = destination.breaker;
    if (phase !== before.phase && phase !== "probing") this.#options.onBreaker(name, phase, nowMs);
  }
}
