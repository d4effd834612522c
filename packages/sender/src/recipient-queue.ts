import { BriefMap } from "@sip-push/sip";

interface Waiter {
  readonly enter: () => void;
  gone: boolean;
  next: Waiter | undefined;
}

/** Those who wait for one URI, as a list: thousands may, and the first of an array is costly to take. */
interface Lane {
  first: Waiter | undefined;
  last: Waiter | undefined;
}

/**
 * One push at a time per recipient URI: "A UAC MUST NOT initiate a new out-of-dialog MESSAGE transaction to a given URI if
 * there is a previous out-of-dialog transaction pending for the same URI" (RFC 3428 §8).
 */
export class RecipientQueue {
  readonly #lanes = new BriefMap<string, Lane>();

  /** Undefined when `uri` is free and now taken; else a promise of the turn, which comes early when `signal` aborts. */
  enter(uri: string, signal?: AbortSignal): Promise<"entered" | "aborted"> | undefined {
    const lane = this.#lanes.get(uri);
    if (lane === undefined) {
      this.#lanes.set(uri, { first: undefined, last: undefined });
      return undefined;
    }
    if (signal?.aborted) return Promise.resolve("aborted");
    return new Promise((resolve) => {
      const abort = (): void => {
        waiter.gone = true;
        resolve("aborted");
      };
      const waiter: Waiter = {
        gone: false,
        next: undefined,
        enter: () => {
          signal?.removeEventListener("abort", abort);
          resolve("entered");
        },
      };
      signal?.addEventListener("abort", abort, { once: true });
      if (lane.last === undefined) lane.first = waiter;
      else lane.last.next = waiter;
      lane.last = waiter;
    });
  }

  /** Gives `uri` to the next that waits. */
  leave(uri: string): void {
    const lane = this.#lanes.get(uri);
    let next = lane?.first;
    while (next?.gone) next = next.next;
    if (lane === undefined || next === undefined) {
      this.#lanes.delete(uri);
      return;
    }
    lane.first = next.next;
    if (lane.first === undefined) lane.last = undefined;
    next.enter();
  }
}
