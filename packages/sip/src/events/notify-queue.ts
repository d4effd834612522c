import type { NotificationInit, NotifyFailureCode, NotifyOutcome } from "./notifier-options.ts";

/** One NOTIFY that waits for its turn. */
export interface NotifyJob {
  readonly init: NotificationInit;
  /** The last of its subscription: state=terminated. */
  readonly last: boolean;
  /** Told once. */
  readonly done: (outcome: NotifyOutcome) => void;
  readonly signal: AbortSignal | undefined;
}

/** Sends one NOTIFY; never rejects. `signal` stops it. */
export type SendNotify = (job: NotifyJob, signal: AbortSignal) => Promise<NotifyOutcome>;

/**
 * The NOTIFYs of one subscription: they leave in order, one at a time, so that the subscriber sees them in order whatever the
 * network does (RFC 3261 §12.2.2 would answer 500 to one that was overtaken).
 */
export class NotifyQueue {
  readonly #send: SendNotify;
  #waiting: NotifyJob[] = [];
  #abort: AbortController | undefined;
  #running = false;
  readonly #onSettled: Array<() => void> = [];

  constructor(send: SendNotify) {
    this.#send = send;
  }

  /** Those that wait, without the one under way. */
  get length(): number {
    return this.#waiting.length;
  }

  /** Resolves when nothing is under way or waits. */
  settled(): Promise<void> {
    return this.#running ? new Promise((resolve) => void this.#onSettled.push(resolve)) : Promise.resolve();
  }

  push(job: NotifyJob): void {
    if (job.signal?.aborted) {
      job.done(failure("SIP_ABORTED", "aborted", false));
      return;
    }
    this.#waiting.push(this.#withdrawable(job));
    if (!this.#running) void this.#run();
  }

  /** Taken back while it waits, it need not wait for its turn to be told so. */
  #withdrawable(job: NotifyJob): NotifyJob {
    const { signal, done } = job;
    if (signal === undefined) return job;
    const withdraw = (): void => {
      const place = this.#waiting.indexOf(waiting);
      if (place < 0) return;
      this.#waiting.splice(place, 1);
      done(failure("SIP_ABORTED", "aborted", false));
    };
    const waiting: NotifyJob = {
      ...job,
      done: (outcome) => {
        signal.removeEventListener("abort", withdraw);
        done(outcome);
      },
    };
    signal.addEventListener("abort", withdraw, { once: true });
    return waiting;
  }

  /** All that wait fail with `code`; `stop` gives up the one under way too. */
  fail(code: NotifyFailureCode, reason: string, stop: boolean): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const job of waiting) job.done(failure(code, reason, false, true));
    if (stop) this.#abort?.abort();
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) {
      job.done(await this.#one(job));
    }
    this.#running = false;
    for (const resolve of this.#onSettled.splice(0)) resolve();
  }

  async #one(job: NotifyJob): Promise<NotifyOutcome> {
    this.#abort ??= new AbortController();
    const abort = this.#abort;
    const stop = (): void => abort.abort();
    job.signal?.addEventListener("abort", stop, { once: true });
    try {
      return await this.#send(job, abort.signal);
    } finally {
      job.signal?.removeEventListener("abort", stop);
      if (abort.signal.aborted) this.#abort = undefined;
    }
  }
}

export function failure(
  code: NotifyFailureCode,
  reason: string,
  retryable: boolean,
  subscriptionEnded = false,
  attempts = 0,
): NotifyOutcome {
  return { kind: "failure", code, reason, retryable, attempts, subscriptionEnded };
}
