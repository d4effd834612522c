import type { PushOutcome } from "@sip-push/sender";
import type { Clock, Logger, Timer } from "@sip-push/sip";
import { printable } from "../store/advance-rules.ts";
import { type StoreError, storeErrorOf } from "../store/errors.ts";
import type { PpgStore } from "../store/store.ts";
import type { AdvanceResult, DeliveryAdvance, ReleaseResult, TimelineEntry } from "../store/types.ts";
import type { Change } from "./decisions.ts";
import type { Flight } from "./flight.ts";

/** A change of a delivery that this node holds, and what it was before. */
export interface Commit {
  readonly flight: Flight;
  readonly change: Change;
  /** Of the attempt that it is about, to decide anew; undefined: there was none. */
  readonly outcome: PushOutcome | undefined;
  readonly advance: DeliveryAdvance;
  /** It was written before, and the answer to that was lost: it may be done. */
  unsure?: boolean;
}

export interface CommitsOptions {
  readonly store: Pick<PpgStore, "advance" | "release" | "timeline">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The store has answered; what it did is committed. */
  readonly onAdvanced: (commit: Commit, result: AdvanceResult) => void;
  readonly onReleased: (flight: Flight, result: ReleaseResult) => void;
  /** It will never be committed: the store refuses it, or is closed. */
  readonly onGivenUp: (flight: Flight) => void;
}

const stale: AdvanceResult = { result: "stale" };
/** Releases at about the same time go to the store together. */
const RELEASE_GRID_MS = 50;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
/** One transaction of these takes a few milliseconds. */
const MAX_BATCH = 512;

/**
 * Writes what became of deliveries. What ends while a write is under way goes into the next one together. While the database is
 * away it tries again and again: a change is conditional on the lease, so it is never too late for that.
 */
export class Commits {
  readonly #options: CommitsOptions;
  #advances: Commit[] = [];
  #releases = new Map<number, Flight[]>();
  #writing = false;
  #pauseMs = 0;
  #pause: Timer | undefined;
  #closed = false;

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  advance(commit: Commit): void {
    if (this.#closed) return this.#options.onGivenUp(commit.flight);
    this.#advances.push(commit);
    this.#start();
  }

  /** Hands a delivery back, due at `dueMs`: the attempt is not counted. */
  release(flight: Flight, dueMs: number): void {
    if (this.#closed) return this.#options.onGivenUp(flight);
    const key = Math.ceil(dueMs / RELEASE_GRID_MS) * RELEASE_GRID_MS;
    const same = this.#releases.get(key);
    if (same === undefined) this.#releases.set(key, [flight]);
    else same.push(flight);
    this.#start();
  }

  /** Writes no more. What was not written is the store's to take back, when the leases end. */
  close(): void {
    this.#closed = true;
    this.#pause?.cancel();
    const left = [...this.#advances.map(({ flight }) => flight), ...[...this.#releases.values()].flat()];
    this.#advances = [];
    this.#releases = new Map();
    for (const flight of left) this.#options.onGivenUp(flight);
  }

  #start(): void {
    if (this.#writing || this.#pause !== undefined || this.#closed) return;
    this.#writing = true;
    // What ends in the same turn goes together.
    setImmediate(() => void this.#write());
  }

  async #write(): Promise<void> {
    while ((this.#advances.length > 0 || this.#releases.size > 0) && !this.#closed) {
      const written = await Promise.all([
        this.#writeAdvances(this.#advances.splice(0, MAX_BATCH)),
        ...this.#writeReleases(),
      ]);
      if (!written.every(Boolean)) return this.#wait();
      this.#pauseMs = 0;
    }
    this.#writing = false;
  }

  #wait(): void {
    this.#writing = false;
    if (this.#closed) return;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    this.#pause = this.#options.clock.schedule(this.#pauseMs, () => {
      this.#pause = undefined;
      this.#start();
    });
  }

  /** False: the database failed, and the batch waits to be written again. */
  async #writeAdvances(batch: readonly Commit[]): Promise<boolean> {
    if (batch.length === 0) return true;
    let results: AdvanceResult[];
    try {
      results = await this.#options.store.advance(batch.map(({ advance }) => advance));
    } catch (error) {
      const { retryable, code } = this.#failed(error, batch.length);
      if (retryable && !this.#closed) {
        for (const commit of batch) commit.unsure = true;
        this.#advances.push(...batch);
        return false;
      }
      // One of them is bad, and the others are not to suffer for it.
      if (code === "STORE_BAD_INPUT" && batch.length > 1) return this.#writeOneByOne(batch);
      for (const { flight } of batch) this.#options.onGivenUp(flight);
      return true;
    }
    for (const [index, commit] of batch.entries()) {
      const result = results[index] ?? stale;
      if (result.result === "stale" && commit.unsure === true) void this.#settleUnsure(commit);
      else this.#tell(commit.flight, () => this.#options.onAdvanced(commit, result));
    }
    return true;
  }

  /** Stale because it was done, or because somebody else did something? The timeline says. Never rejects. */
  async #settleUnsure(commit: Commit): Promise<void> {
    const { advance } = commit;
    const { id, version } = advance.lease;
    let result: AdvanceResult = stale;
    try {
      if (isWritten(advance, await this.#options.store.timeline(id))) result = { result: "done", version: version + 1 };
    } catch (error) {
      this.#failed(error, 1);
    }
    this.#tell(commit.flight, () => this.#options.onAdvanced(commit, result));
  }

  /** What is thrown about one is no matter of the others. */
  #tell(flight: Flight, tell: () => void): void {
    try {
      tell();
    } catch (error) {
      const { callId, content } = flight.delivery;
      this.#options.logger.error(
        { err: error, pushId: content.pushId, callId },
        "what became of a delivery was not told",
      );
      this.#options.onGivenUp(flight);
    }
  }

  async #writeOneByOne(batch: readonly Commit[]): Promise<boolean> {
    for (const [index, commit] of batch.entries()) {
      if (await this.#writeAdvances([commit])) continue;
      this.#advances.push(...batch.slice(index + 1));
      return false;
    }
    return true;
  }

  #writeReleases(): Promise<boolean>[] {
    const releases = [...this.#releases];
    this.#releases = new Map();
    return releases.map(async ([dueMs, flights]) => {
      try {
        const leases = flights.map(({ lease }) => lease);
        const results = await this.#options.store.release(leases, this.#options.clock.date().getTime(), dueMs);
        for (const [index, flight] of flights.entries())
          this.#tell(flight, () => this.#options.onReleased(flight, results[index] ?? "stale"));
        return true;
      } catch (error) {
        const again = this.#failed(error, flights.length).retryable && !this.#closed;
        if (again) this.#releases.set(dueMs, [...flights, ...(this.#releases.get(dueMs) ?? [])]);
        else for (const flight of flights) this.#options.onGivenUp(flight);
        return !again;
      }
    });
  }

  #failed(error: unknown, changes: number): StoreError {
    const failure = storeErrorOf(error);
    this.#options.logger.error({ err: failure, code: failure.code, changes }, "deliveries could not be written");
    return failure;
  }
}

/** Whether a change of a delivery, the answer to which was lost, was committed: then the timeline has it. */
export function isWritten({ lease, to, atMs, reason }: DeliveryAdvance, timeline: readonly TimelineEntry[]): boolean {
  const entry = timeline.find(({ version }) => version === lease.version + 1);
  return (
    entry?.owner === lease.owner && entry.state === to && entry.atMs === atMs && entry.reason === printable(reason)
  );
}
