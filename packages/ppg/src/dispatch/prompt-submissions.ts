import { Pending } from "@sip-push/sip";
import type { PpgStore } from "../store/store.ts";
import type { ClaimedDelivery, PushSubmission, SubmitResult } from "../store/types.ts";
import type { Places } from "./places.ts";

export interface PromptSubmissionsOptions {
  readonly store: Pick<PpgStore, "submit">;
  /** Of the dispatcher that the deliveries are for. */
  readonly owner: string;
  readonly leaseMs: number;
  /** Those that the dispatcher offers while nothing else is due. */
  readonly places: Places;
  /** Hands over what was taken; also when that is nothing, because then there is more room than was kept. */
  readonly onHeld: (deliveries: readonly ClaimedDelivery[]) => void;
}

/**
 * Submits pushes so that a dispatcher has their deliveries at once, when it has room and nothing else waits: they are written once
 * less, and never read. All others are claimed, as after a restart.
 */
export class PromptSubmissions implements Pick<PpgStore, "submit"> {
  readonly #options: PromptSubmissionsOptions;
  readonly #under = new Pending();
  #stopped = false;

  constructor(options: PromptSubmissionsOptions) {
    this.#options = options;
  }

  submit(submissions: readonly PushSubmission[], nowMs: number): Promise<SubmitResult[]> {
    const { store, owner, leaseMs, places } = this.#options;
    const limit = this.#stopped ? 0 : places.reserve(submissions.length);
    if (limit === 0) return store.submit(submissions, nowMs);
    const results = store.submit(submissions, nowMs, { owner, limit, leaseMs });
    void this.#under.add(this.#handOver(results, limit));
    return results;
  }

  /** Takes nothing more; resolves when all that was taken has been handed over. */
  stop(): Promise<void> {
    this.#stopped = true;
    return this.#under.none();
  }

  async #handOver(submitted: Promise<readonly SubmitResult[]>, limit: number): Promise<void> {
    const results = await submitted.catch(() => []);
    const held = results.flatMap((each) => (each.result === "accepted" && each.held !== null ? [each.held] : []));
    this.#options.places.free(limit - held.length);
    // After whoever submitted has heard of it: a push is accepted before it is sent.
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#options.onHeld(held);
  }
}
