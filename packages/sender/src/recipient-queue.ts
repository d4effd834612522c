interface Waiter {
  readonly enter: () => void;
  gone: boolean;
}

/**
 * One push at a time per recipient URI: "A UAC MUST NOT initiate a new out-of-dialog MESSAGE transaction to a given URI if
 * there is a previous out-of-dialog transaction pending for the same URI" (RFC 3428 §8).
 */
export class RecipientQueue {
  readonly #lanes = new Map<string, Waiter[]>();

  /** Undefined when `uri` is free and now taken; else a promise of the turn, which comes early when `signal` aborts. */
  enter(uri: string, signal?: AbortSignal): Promise<"entered" | "aborted"> | undefined {
    const lane = this.#lanes.get(uri);
    if (lane === undefined) {
      this.#lanes.set(uri, []);
      return undefined;
    }
    return new Promise((resolve) => {
      const abort = (): void => {
        waiter.gone = true;
        resolve("aborted");
      };
      const waiter: Waiter = {
        gone: false,
        enter: () => {
          signal?.removeEventListener("abort", abort);
          resolve("entered");
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      lane.push(waiter);
    });
  }

  /** Gives `uri` to the next that waits. */
  leave(uri: string): void {
    const lane = this.#lanes.get(uri);
    for (let next = lane?.shift(); next !== undefined; next = lane?.shift()) {
      if (next.gone) continue;
      next.enter();
      return;
    }
    this.#lanes.delete(uri);
  }
}
