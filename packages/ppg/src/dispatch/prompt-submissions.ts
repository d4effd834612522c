import type { PpgStore } from "../store/store.ts";
import type { ClaimedDelivery, PushSubmission, SubmitResult } from "../store/types.ts";

export interface PromptSubmissionsOptions {
  readonly store: Pick<PpgStore, "submit">;
  readonly owner: string;
  readonly leaseMs: number;
  /** How many deliveries may be taken now; 0: others wait to be. */
  readonly room: () => number;
  readonly onHeld: (deliveries: readonly ClaimedDelivery[]) => void;
  /** There is more room than before: less was taken than there was room kept for. */
  readonly onRoom: () => void;
}

/**
 * Submits pushes so that this node has their deliveries at once, when it has room and nothing else waits: they are written once less,
 * and never read. All others are claimed, as after a restart.
 */
export class PromptSubmissions implements Pick<PpgStore, "submit"> {
  readonly #options: PromptSubmissionsOptions;
  readonly #under = new Set<Promise<unknown>>();
  #reserved = 0;
  #stopped = false;

  constructor(options: PromptSubmissionsOptions) {
    this.#options = options;
  }

  /** Places that are kept for what is being submitted. */
  get reserved(): number {
    return this.#reserved;
  }

  submit(submissions: readonly PushSubmission[], nowMs: number): Promise<SubmitResult[]> {
    const { store, owner, leaseMs, room } = this.#options;
    const limit = this.#stopped ? 0 : Math.min(submissions.length, room());
    if (limit <= 0) return store.submit(submissions, nowMs);
    this.#reserved += limit;
    const results = store.submit(submissions, nowMs, { owner, limit, leaseMs });
    const taken = results
      .then(
        (all) => this.#take(all),
        () => {},
      )
      .finally(() => {
        this.#reserved -= limit;
        this.#under.delete(taken);
        this.#options.onRoom();
      });
    this.#under.add(taken);
    return results;
  }

  /** Calls of the store that have not been answered. */
  get underWay(): number {
    return this.#under.size;
  }

  /** Takes nothing more; resolves when all that was taken has been handed over. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#under);
  }

  /** After whoever submitted has heard of it: a push is accepted before it is sent. */
  #take(results: readonly SubmitResult[]): Promise<void> {
    const held = results.flatMap((each) => (each.result === "accepted" && each.held !== null ? [each.held] : []));
    return new Promise((resolve) => {
      setImmediate(() => {
        try {
          this.#options.onHeld(held);
        } finally {
          resolve();
        }
      });
    });
  }
}
