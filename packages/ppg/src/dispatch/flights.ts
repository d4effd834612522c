import { papCodes } from "@sip-push/pap";
import type { PushMessage } from "@sip-push/push";
import type { PushOutcome } from "@sip-push/sender";
import { BriefMap, type Clock, type Logger } from "@sip-push/sip";
import type { DeliveryState } from "../delivery/delivery.machine.ts";
import type { RetryRules } from "../delivery/retry-policy.ts";
import type { PpgObserver } from "../events.ts";
import type { PpgStore } from "../store/store.ts";
import type { AdvanceResult, ClaimedDelivery, ReleaseResult, StoredPush, TakeBackReason } from "../store/types.ts";
import { type Commit, Commits } from "./commits.ts";
import { type Change, changeAfterAttempt, changeAtClaim } from "./decisions.ts";
import type { Destinations } from "./destinations.ts";
import { tellAttempt, tellState } from "./dispatch-events.ts";
import { ClaimBatch, type Flight } from "./flight.ts";
import { Lanes } from "./lanes.ts";
import type { DispatchSender } from "./options.ts";
import { destinationVerdict, outcomeOfError, wasWithdrawn } from "./outcome-verdicts.ts";
import { pushMessageOf } from "./push-message-of.ts";

export interface FlightsOptions {
  readonly store: Pick<PpgStore, "advance" | "release" | "timeline">;
  readonly sender: Pick<DispatchSender, "deliver">;
  readonly destinations: Destinations;
  readonly destinationOf: (recipient: string) => string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observe: PpgObserver | undefined;
  readonly rules: RetryRules;
  readonly random: () => number;
  readonly reportTimeoutMs: number;
  readonly concurrency: number;
  /** An attempt ended so, and that is committed. */
  readonly onSettled: (flight: Flight, change: Change, outcome: PushOutcome) => void;
  /** There is more room than before, or less. */
  readonly onRoom: () => void;
}

/** The version of a delivery grows with each claim, at whichever node and whatever its clock says; an attempt has some requests. */
const CSEQS_EACH = 100;
const MAX_CSEQ = 2 ** 31 - 1000;
/** Of what has no form, and is not sent. */
const NO_MESSAGE: PushMessage = { applicationId: null, contentType: "text/plain", body: new Uint8Array() };
/** What was withdrawn without being asked to is not taken up again at once. */
const WITHDRAWN_PAUSE_MS = 1000;

/** The deliveries that this node holds, from the claim until what became of them is committed. */
export class Flights {
  readonly #options: FlightsOptions;
  /** By id of the delivery. */
  readonly #held = new BriefMap<number, Flight>();
  readonly #lanes: Lanes;
  readonly #commits: Commits;
  readonly #stats = { sending: 0, committing: 0, parked: 0, lost: 0 };
  #stopping = false;
  #whenEmpty: (() => void) | undefined;

  constructor(options: FlightsOptions) {
    this.#options = options;
    this.#lanes = new Lanes(options.concurrency);
    const { store, clock, logger } = options;
    this.#commits = new Commits({
      store,
      clock,
      logger,
      onAdvanced: (commit, result) => this.#advanced(commit, result),
      onReleased: (flight, result) => this.#released(flight, result),
      onGivenUp: (flight) => this.#drop(flight),
    });
  }

  get held(): Iterable<Flight> {
    return this.#held.values();
  }

  get stats(): {
    readonly inFlight: number;
    readonly waiting: number;
    readonly committing: number;
    readonly parked: number;
    readonly lost: number;
  } {
    const { sending: inFlight, committing, parked, lost } = this.#stats;
    return { inFlight, waiting: this.#lanes.waiting, committing, parked, lost };
  }

  /** For how many more deliveries there is room. */
  get room(): number {
    const { sending, committing } = this.#stats;
    return this.#options.concurrency - sending - committing;
  }

  /** Takes up what was claimed. */
  take(deliveries: readonly ClaimedDelivery[]): void {
    if (deliveries.length === 0) return;
    const batch = new ClaimBatch(deliveries.length);
    const nowMs = this.#nowMs();
    let last: { readonly content: StoredPush; readonly push: PushMessage | undefined } | undefined;
    for (const delivery of deliveries) {
      const { content } = delivery;
      if (last?.content !== content) last = { content, push: this.#messageOf(content) };
      this.#take(delivery, last.push, batch, nowMs);
    }
  }

  /** Undefined: it has no form in which it could be sent. */
  #messageOf(content: StoredPush): PushMessage | undefined {
    try {
      return pushMessageOf(content);
    } catch (error) {
      this.#options.logger.error({ err: error, pushId: content.pushId }, "a push has no form in SIP");
      return undefined;
    }
  }

  /** Somebody else has the delivery: its attempt is of no interest any more. */
  lose(flight: Flight): void {
    if (flight.lost || flight.state === "gone") return;
    this.#stats.lost++;
    flight.lost = true;
    const { delivery, batch, state } = flight;
    this.#options.logger.warn({ pushId: delivery.content.pushId, callId: delivery.callId, state }, "lease lost");
    if (state === "sending") batch.withdraw();
    if (state !== "waiting") return;
    this.#lanes.remove(flight);
    this.#drop(flight);
  }

  /** Starts nothing more, and hands back what has not begun. */
  stop(): void {
    this.#stopping = true;
    const nowMs = this.#nowMs();
    for (const flight of this.#held.values()) {
      if (flight.state !== "waiting") continue;
      this.#lanes.remove(flight);
      this.#release(flight, nowMs);
    }
  }

  /** Ends the attempts that are under way; they are handed back. */
  abort(): void {
    for (const batch of new Set([...this.#held.values()].map((flight) => flight.batch))) batch.abort();
  }

  /** Resolves when nothing is held any more. */
  whenEmpty(): Promise<void> {
    if (this.#held.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Writes no more. */
  close(): void {
    this.#commits.close();
    for (const flight of [...this.#held.values()]) this.#drop(flight);
  }

  #take(delivery: ClaimedDelivery, push: PushMessage | undefined, batch: ClaimBatch, nowMs: number): void {
    const { id, version, owner, recipient } = delivery;
    const before = this.#held.get(id);
    // The answer to a submission may come so late that its lease is over, and this node has claimed it again.
    if ((before?.delivery.version ?? -1) >= version || (delivery.dueAtMs ?? nowMs) < nowMs) {
      batch.ended();
      return;
    }
    // Its lease had ended before it could be renewed, and this node was the first to claim it.
    if (before !== undefined) this.lose(before);
    const flight: Flight = {
      delivery,
      lease: { id, version, owner },
      batch,
      push: push ?? NO_MESSAGE,
      destination: this.#options.destinationOf(recipient),
      state: "waiting",
      told: delivery.wokenFrom,
      leaseUntilMs: delivery.dueAtMs ?? nowMs,
      startedMs: 0,
      beganMs: 0,
      probe: false,
      lost: false,
    };
    this.#held.set(id, flight);
    try {
      this.#startOrEnd(flight, push !== undefined, nowMs);
    } catch (error) {
      this.#fail(flight, error);
    }
  }

  #startOrEnd(flight: Flight, hasForm: boolean, nowMs: number): void {
    const change = changeAtClaim(flight.delivery, nowMs);
    if (change !== undefined) this.#commit(flight, change, undefined);
    else if (!hasForm) this.#fail(flight, new Error("no form in SIP"));
    else if (this.#stopping) this.#release(flight, nowMs);
    else {
      const turn = this.#lanes.enter(flight, this.#options.clock.now());
      if (turn === "now") this.#begin(flight, nowMs);
      else if (turn !== "waits") this.#park(turn.flight, turn.againAtMs);
    }
  }

  /** Its recipient has no other attempt under way. */
  #begin(flight: Flight, nowMs: number): void {
    if (flight.leaseUntilMs <= nowMs) {
      // It waited while nothing could be renewed, or this process stood still: another node has it by now, perhaps.
      const next = this.#lanes.leave(flight);
      this.lose(flight);
      if (next !== undefined) this.#begin(next, nowMs);
      return;
    }
    const { destinations, clock } = this.#options;
    const beganMs = clock.now();
    const admission = destinations.admit(flight.destination, beganMs);
    if (!admission.admitted) {
      const next = this.#lanes.leave(flight);
      this.#park(flight, admission.againAtMs);
      if (next !== undefined) this.#begin(next, nowMs);
      return;
    }
    flight.state = "sending";
    flight.startedMs = nowMs;
    flight.beganMs = beganMs;
    flight.probe = admission.probe;
    this.#count("sending", 1);
    this.#tellState(flight, "sending", nowMs);
    void this.#attempt(flight);
  }

  async #attempt(flight: Flight): Promise<void> {
    const { sender } = this.#options;
    const { delivery, push, batch } = flight;
    const { recipient: to, callId, content, version } = delivery;
    const cseq = Math.min(MAX_CSEQ, 1 + version * CSEQS_EACH);
    let outcome: PushOutcome | undefined;
    try {
      const { pushId } = content;
      [outcome] = await sender.deliver(push, { to, chain: { callId, cseq }, signal: batch.signal, pushId });
    } catch (error) {
      this.#options.logger.error({ err: error, pushId: content.pushId, callId }, "a push could not be sent");
      outcome = outcomeOfError(error, to, callId);
    }
    this.#ended(flight, outcome ?? outcomeOfError(new Error("the sender gave no outcome"), to, callId));
  }

  /** A mistake of ours must not come again and again, each time with another attempt. */
  #fail(flight: Flight, error: unknown): void {
    const { sipStatus, callId, content } = flight.delivery;
    this.#options.logger.error({ err: error, pushId: content.pushId, callId }, "a delivery could not be worked on");
    if (flight.lost || flight.state === "gone" || flight.state === "committing") return;
    const { internalServerError: papCode } = papCodes;
    const verdict = { papCode, reason: "internal error", awaitRegistration: false };
    this.#commit(flight, { to: "undeliverable", dueAtMs: null, sipStatus, ...verdict }, undefined);
  }

  #ended(flight: Flight, outcome: PushOutcome): void {
    const { destinations, clock, observe } = this.#options;
    const nowMs = this.#nowMs();
    this.#count("sending", -1);
    if (!flight.lost) flight.batch.ended();
    destinations.ended(flight.destination, destinationVerdict(outcome), flight, clock.now());
    const next = this.#lanes.leave(flight);
    if (observe !== undefined) tellAttempt(observe, flight, outcome, nowMs);
    try {
      if (flight.lost) this.#drop(flight);
      else if (wasWithdrawn(outcome)) this.#release(flight, nowMs + (flight.batch.aborted ? 0 : WITHDRAWN_PAUSE_MS));
      else this.#commit(flight, this.#changeBy(flight, outcome, null), outcome);
    } catch (error) {
      this.#fail(flight, error);
    }
    if (next === undefined) return;
    if (this.#stopping) this.#handOn(next, nowMs);
    else this.#begin(next, nowMs);
  }

  /** Hands back what was about to begin. */
  #handOn(flight: Flight, nowMs: number): void {
    const next = this.#lanes.leave(flight);
    this.#release(flight, nowMs);
    if (next !== undefined) this.#handOn(next, nowMs);
  }

  #changeBy({ delivery }: Flight, outcome: PushOutcome, takenBack: TakeBackReason | null): Change {
    const { rules, random, reportTimeoutMs } = this.#options;
    return changeAfterAttempt(delivery, outcome, {
      nowMs: this.#nowMs(),
      rules,
      random,
      reportTimeoutMs,
      takenBack,
    });
  }

  #commit(flight: Flight, change: Change, outcome: PushOutcome | undefined): void {
    const { lease, startedMs, delivery } = flight;
    const { to, dueAtMs, sipStatus, papCode, reason } = change;
    const attemptStartedAtMs = outcome === undefined ? null : startedMs;
    const atMs = this.#nowMs();
    if (flight.state !== "committing") this.#count("committing", 1);
    flight.state = "committing";
    const written = { lease, to, atMs, dueAtMs, sipStatus, papCode, reason, attemptStartedAtMs };
    const unsent = startedMs === 0 && delivery.state === "sending";
    this.#commits.advance({ flight, change, outcome, advance: unsent ? { ...written, unsent } : written });
  }

  #advanced({ flight, change, advance, outcome }: Commit, answer: AdvanceResult): void {
    const { observe, onSettled, logger } = this.#options;
    const { result } = answer;
    if (result === "cancelRequested" && outcome !== undefined) {
      this.#commit(flight, this.#changeBy(flight, outcome, answer.reason), outcome);
      return;
    }
    if (result === "done") {
      if (observe !== undefined) tellState(observe, flight, advance);
      if (outcome !== undefined) onSettled(flight, change, outcome);
    } else {
      const { callId, content } = flight.delivery;
      logger.debug({ pushId: content.pushId, callId, to: advance.to, result }, "delivery was changed elsewhere");
    }
    this.#drop(flight);
  }

  /**
   * Its destination, or its recipient, cannot take it now: others can.
   *
   * @param untilMs by the clock that nobody sets.
   */
  #park(flight: Flight, untilMs: number): void {
    this.#stats.parked++;
    this.#release(flight, this.#nowMs() + untilMs - this.#options.clock.now());
  }

  #release(flight: Flight, dueMs: number): void {
    if (flight.state !== "committing") this.#count("committing", 1);
    flight.state = "committing";
    this.#commits.release(flight, dueMs);
  }

  /** What was taken back meanwhile, the store tells itself. */
  #released(flight: Flight, result: ReleaseResult): void {
    if (result === "released" && flight.told === "sending") this.#tellState(flight, "pending", this.#nowMs());
    this.#drop(flight);
  }

  #drop(flight: Flight): void {
    if (flight.state === "gone") return;
    if (flight.state === "committing") this.#count("committing", -1);
    if (flight.startedMs === 0) flight.batch.ended();
    flight.state = "gone";
    const { id } = flight.delivery;
    if (this.#held.get(id) === flight) this.#held.delete(id);
    if (this.#held.size > 0) return;
    this.#whenEmpty?.();
    this.#whenEmpty = undefined;
  }

  #count(what: "sending" | "committing", by: 1 | -1): void {
    this.#stats[what] += by;
    this.#options.onRoom();
  }

  #tellState(flight: Flight, to: DeliveryState, atMs: number): void {
    const { observe } = this.#options;
    if (observe === undefined || flight.told === to) return;
    const { sipStatus, papCode, reason } = flight.delivery;
    tellState(observe, flight, { to, atMs, sipStatus, papCode, reason });
  }

  #nowMs(): number {
    return this.#options.clock.date().getTime();
  }
}
