import type { Clock } from "@sip-push/sip";
import type { Answer } from "../answer.ts";
import { memoryKey, RecentMap } from "../recent-map.ts";

const MINUTE_MS = 60_000;

interface Minute {
  count: number;
  readonly endMs: number;
}

/**
 * The lock-out against excessive pushes (draft-mdolly-dispatch-oma-push-00 §14): so many of one sender in a minute, then none
 * until it is over. Senders are known by what a trusted hop asserts, else by From.
 */
export class PushLimit {
  readonly #clock: Clock;
  readonly #perMinute: number;
  readonly #minutes: RecentMap<Minute>;

  constructor(clock: Clock, perMinute: number, maxSenders: number) {
    this.#clock = clock;
    this.#perMinute = perMinute;
    this.#minutes = new RecentMap(clock, MINUTE_MS, maxSenders);
  }

  /** The answer to a push past the limit; undefined for one that is within, which counts. */
  refusal(sender: string): Answer | undefined {
    if (this.#perMinute === Number.POSITIVE_INFINITY) return undefined;
    const key = memoryKey(sender);
    const nowMs = this.#clock.now();
    let minute = this.#minutes.get(key);
    if (minute === undefined) {
      minute = { count: 0, endMs: nowMs + MINUTE_MS };
      this.#minutes.set(key, minute);
    }
    if (minute.count < this.#perMinute) {
      minute.count++;
      return undefined;
    }
    const seconds = Math.max(1, Math.ceil((minute.endMs - nowMs) / 1000));
    return {
      statusCode: 486,
      reason: "Busy Here (too many pushes in a minute)",
      headers: [["Retry-After", String(seconds)]],
    };
  }
}
