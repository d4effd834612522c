import type { PpgEvent } from "@sip-push/ppg";

/** What the gateway's attempts to deliver to one recipient came to. */
export interface Attempt {
  /** Of the last one; null: no answer, or no attempt. */
  readonly sipStatus: number | null;
  readonly attempts: number;
}

/** How long an answer may come after the result: a delivery report may overtake it. */
const LATE_MS = 2_000;
const NONE: Attempt = { sipStatus: null, attempts: 0 };

/** The attempts of a gateway, from its events. */
export class Attempts {
  readonly #ended = new Map<string, Attempt>();
  readonly #waiting = new Map<string, () => void>();

  readonly observe = (event: PpgEvent): void => {
    if (event.event !== "attempt") return;
    const { pushId, recipient, sipStatus, attempt } = event;
    const key = keyOf(pushId, recipient);
    this.#ended.set(key, { sipStatus, attempts: attempt });
    this.#waiting.get(key)?.();
  };

  /** The attempts to deliver a push to somebody whose result is there. */
  async of(pushId: string, recipient: string, signal: AbortSignal): Promise<Attempt> {
    const key = keyOf(pushId, recipient);
    const until = AbortSignal.any([signal, AbortSignal.timeout(LATE_MS)]);
    if (!this.#ended.has(key) && !until.aborted) {
      await new Promise<void>((resolve) => {
        this.#waiting.set(key, resolve);
        until.addEventListener("abort", () => resolve(), { once: true });
      });
    }
    return this.#ended.get(key) ?? NONE;
  }
}

function keyOf(pushId: string, recipient: string): string {
  return `${pushId} ${recipient}`;
}
