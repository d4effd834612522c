import {
  admitsAttempt,
  type BreakerEvent,
  type BreakerRule,
  type BreakerState,
  breakerAfter,
  closedBreaker,
} from "../delivery/circuit-breaker.machine.ts";

/** An origin may hold what it can take in this time; as many as go at a time in any case. */
const HORIZON_MS = 2_000;
/** What an answer is thought to take before there was one. */
const FIRST_MEAN_MS = 10;
/** An origin that has answered nothing for so long does not move; less may be our own doing. */
const STUCK_MS = 1_000;
/** An origin that takes longer than this for an answer is slow. */
const QUICK_MS = 1_000;
/** Results put off are spread over the time that they will take, or over so much for each of them while there is a pause. */
const SPREAD_EACH_MS = 1;
const MIN_SPREAD_MS = 250;
const MAX_SPREAD_MS = 30_000;
/** Weight of the newest in the mean time of an answer. */
const NEWEST = 0.2;
/** An origin may ask for a pause of its own (Retry-After) no longer than this. */
const MAX_ASKED_PAUSE_MS = 300_000;

export interface LaneRule {
  readonly perOrigin: number;
  readonly breaker: BreakerRule;
}

/**
 * One origin that results go to. It may hold what it can take within two seconds, so that an origin that is slow does not keep the
 * places that others need; one that fails again and again is left alone for a while. What it cannot hold is put off, spread in
 * time, so that a hundred thousand results for a dead server come back a few at a time and not at once. All times are of a clock that
 * nobody sets.
 */
export class OriginLane<T> {
  readonly origin: string;
  /** Claimed, and waiting for one that is under way. */
  readonly waiting: T[] = [];
  readonly #rule: LaneRule;
  #breaker: BreakerState = closedBreaker;
  #pausedUntilMs = 0;
  #underWay = 0;
  #meanMs: number | null = null;
  #movedAtMs = 0;
  #putOff = 0;
  #putOffSinceMs = 0;

  constructor(origin: string, rule: LaneRule) {
    this.origin = origin;
    this.#rule = rule;
  }

  get underWay(): number {
    return this.#underWay;
  }

  get idle(): boolean {
    return this.#underWay === 0 && this.waiting.length === 0;
  }

  /** Nothing went there yet. */
  get isNew(): boolean {
    return this.#meanMs === null && this.#underWay === 0;
  }

  /** Whether it gives its places back soon: it has answered, not slowly, and is not stuck. */
  isQuick(nowMs: number): boolean {
    if (this.#meanMs === null || this.#meanMs > QUICK_MS) return false;
    return this.#underWay === 0 || nowMs - this.#movedAtMs < STUCK_MS;
  }

  /** When its pause ends, if it has one. */
  pausedUntilMs(nowMs: number): number | null {
    const untilMs = Math.max(this.#pausedUntilMs, this.#breaker.openUntilMs ?? 0);
    return untilMs > nowMs ? untilMs : null;
  }

  /** Whether one more may go now. */
  admits(nowMs: number): boolean {
    if (this.pausedUntilMs(nowMs) !== null) return false;
    if (this.#breaker.phase === "open") this.#tell("due", nowMs);
    return this.#underWay < this.#rule.perOrigin && admitsAttempt(this.#breaker);
  }

  /** Whether one more may wait here. */
  holds(nowMs: number): boolean {
    return this.#breaker.phase === "closed" && this.pausedUntilMs(nowMs) === null && this.excess(nowMs) < 0;
  }

  /** How many more are held than may be; negative: there is room. */
  excess(nowMs: number): number {
    const held = this.#underWay + this.waiting.length;
    return held - Math.max(this.#rule.perOrigin, Math.floor(HORIZON_MS / this.#eachMs(nowMs)));
  }

  /** Time between one answer and the next while as many as may be are under way. */
  #eachMs(nowMs: number): number {
    const stillMs = this.#underWay > 0 ? nowMs - this.#movedAtMs : 0;
    const stuckMs = stillMs >= STUCK_MS ? stillMs : 0;
    return Math.max(this.#meanMs ?? FIRST_MEAN_MS, stuckMs, 1) / this.#rule.perOrigin;
  }

  begin(nowMs: number): void {
    this.#tell("attempt", nowMs);
    if (this.#underWay === 0) this.#movedAtMs = nowMs;
    this.#underWay += 1;
  }

  /** @param askedPauseMs Retry-After of an origin that has too much to do. */
  end(event: "success" | "failure" | "withdrawn", nowMs: number, elapsedMs: number, askedPauseMs = 0): void {
    this.#underWay -= 1;
    this.#movedAtMs = nowMs;
    this.#meanMs = this.#meanMs === null ? elapsedMs : this.#meanMs + NEWEST * (elapsedMs - this.#meanMs);
    this.#tell(event, nowMs);
    if (event === "success") this.#pausedUntilMs = 0;
    if (askedPauseMs > 0) this.#pausedUntilMs = nowMs + Math.min(askedPauseMs, MAX_ASKED_PAUSE_MS);
  }

  /** When one that it cannot hold is to come back: after the pause, and the more there are the more spread. */
  putOffUntilMs(nowMs: number, random: () => number): number {
    if (nowMs - this.#putOffSinceMs > MAX_SPREAD_MS) {
      this.#putOffSinceMs = nowMs;
      this.#putOff = 0;
    }
    this.#putOff += 1;
    const pausedUntilMs = this.pausedUntilMs(nowMs);
    const eachMs = pausedUntilMs === null ? this.#eachMs(nowMs) : SPREAD_EACH_MS;
    const spreadMs = Math.min(MAX_SPREAD_MS, MIN_SPREAD_MS + this.#putOff * eachMs);
    return Math.ceil((pausedUntilMs ?? nowMs) + spreadMs * random());
  }

  #tell(event: BreakerEvent, nowMs: number): void {
    this.#breaker = breakerAfter(this.#breaker, event, nowMs, this.#rule.breaker);
  }
}
