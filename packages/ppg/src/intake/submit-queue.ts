import type { Clock } from "@sip-push/sip";
import { StoreError } from "../store/errors.ts";
import type { PpgStore } from "../store/store.ts";
import type { PushSubmission, SubmitResult } from "../store/types.ts";

/** What became of a submission, and when the store took it. */
export interface Submitted {
  readonly result: SubmitResult;
  readonly atMs: number;
}

interface Waiting {
  readonly submission: PushSubmission;
  readonly octets: number;
  readonly resolve: (submitted: Submitted) => void;
  readonly reject: (error: unknown) => void;
}

/** Submissions of one transaction at most, and octets of their content together. */
const MAX_BATCH = 512;
const MAX_BATCH_OCTETS = 4_194_304;

/**
 * Puts submissions together into one call of the store: those that come in one turn of the event loop and, while a call is under
 * way, all that come until it ends. One call at a time: the longer a commit takes, the more share the next.
 */
export class SubmitQueue {
  readonly #store: Pick<PpgStore, "submit">;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(store: Pick<PpgStore, "submit">, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Settles when it is committed, or will never be. Rejects with what the store rejects with. */
  add(submission: PushSubmission): Promise<Submitted> {
    const octets = submission.content.length + (submission.capabilities?.length ?? 0);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ submission, octets, resolve, reject });
      if (this.#isRunning) return;
      this.#isRunning = true;
      // After the requests that this turn of the event loop has read.
      setImmediate(() => void this.#run());
    });
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    while (this.#waiting.length > 0) await this.#submit(this.#take());
    this.#isRunning = false;
  }

  #take(): Waiting[] {
    let [count, octets] = [0, 0];
    for (const { octets: more } of this.#waiting) {
      if (count > 0 && (count >= MAX_BATCH || octets + more > MAX_BATCH_OCTETS)) break;
      count += 1;
      octets += more;
    }
    if (count < this.#waiting.length) return this.#waiting.splice(0, count);
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }

  async #submit(batch: readonly Waiting[]): Promise<void> {
    const atMs = this.#clock.date().getTime();
    try {
      const submissions = batch.map(({ submission }) => submission);
      const results = await this.#store.submit(submissions, atMs);
      for (const [index, { resolve }] of batch.entries()) resolve({ result: results[index] as SubmitResult, atMs });
    } catch (error) {
      // Nothing is stored then; the mistake may be that of one only.
      const isOfOne = batch.length > 1 && !(error instanceof StoreError && error.retryable);
      if (isOfOne) for (const each of batch) await this.#submit([each]);
      else for (const { reject } of batch) reject(error);
    }
  }
}
