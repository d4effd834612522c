import type { Clock } from "@sip-push/sip";
import type { Closing } from "./closing.ts";

/** How a pause ended: its time was over, the caller gave up, or the sender closes. */
export type PauseEnd = "due" | "abort" | "close";

export interface PauseOptions {
  readonly signal: AbortSignal | undefined;
  readonly closing: Closing;
  /** Its time is over when this settles. */
  readonly until?: Promise<unknown>;
}

/** Waits `waitMs`, or until it is ended; leaves no timer and no listener. */
export function pause(clock: Clock, waitMs: number, { signal, closing, until }: PauseOptions): Promise<PauseEnd> {
  return new Promise((resolve) => {
    const done = (end: PauseEnd): void => {
      timer.cancel();
      signal?.removeEventListener("abort", abort);
      closing.off(close);
      resolve(end);
    };
    const abort = (): void => done("abort");
    const close = (): void => done("close");
    const timer = clock.schedule(waitMs, () => done("due"));
    if (signal?.aborted) {
      abort();
      return;
    }
    signal?.addEventListener("abort", abort, { once: true });
    closing.on(close);
    const due = (): void => done("due");
    void until?.then(due, due);
  });
}
