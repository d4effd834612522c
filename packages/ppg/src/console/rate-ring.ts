import type { Clock } from "@sip-push/sip";
import type { DeliveryState } from "../delivery/delivery.machine.ts";
import type { PpgEvent } from "../events.ts";

/** What is counted. `failed`: final, but neither delivered nor taken back. */
export const rateNames = ["accepted", "delivered", "failed", "attempts"] as const;
export type RateName = (typeof rateNames)[number];

const SLOT_MS = 2_000;
const SLOTS = 300;

/** Rates per second of this node over the last ten minutes, oldest first. */
export interface RatesView extends Readonly<Record<RateName, readonly number[]>> {
  /** Wall time at the start of the first slot. */
  readonly startMs: number;
  readonly slotMs: number;
}

const rateOfState: Partial<Record<DeliveryState, RateName>> = {
  delivered: "delivered",
  undeliverable: "failed",
  expired: "failed",
  aborted: "failed",
  timeout: "failed",
  rejected: "failed",
  unknown: "failed",
};

/** Counts events in slots of two seconds; takes the same memory however many there are. */
export class RateRing {
  readonly #clock: Clock;
  readonly #counts: Readonly<Record<RateName, Uint32Array>>;
  readonly #originMs: number;
  /** Number of the slot counted in now, since the start. */
  #slot = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    const slots = (): Uint32Array => new Uint32Array(SLOTS);
    this.#counts = { accepted: slots(), delivered: slots(), failed: slots(), attempts: slots() };
    this.#originMs = clock.now();
  }

  count(event: PpgEvent): void {
    if (event.event === "attempt") this.#add("attempts", 1);
    else if (event.event === "accepted") this.#add("accepted", event.recipients);
    else if (event.event === "state") {
      const rate = rateOfState[event.to];
      if (rate !== undefined) this.#add(rate, 1);
    }
  }

  /** All slots that are complete: the one counted in now would look like a fall. */
  view(): RatesView {
    this.#turn();
    const endMs = this.#slot * SLOT_MS - this.#elapsedMs() + this.#clock.date().getTime();
    const perSecond = (counts: Uint32Array): number[] =>
      Array.from({ length: SLOTS - 1 }, (_, n) => ((counts[(this.#slot + 1 + n) % SLOTS] ?? 0) * 1_000) / SLOT_MS);
    return {
      startMs: Math.round(endMs) - (SLOTS - 1) * SLOT_MS,
      slotMs: SLOT_MS,
      accepted: perSecond(this.#counts.accepted),
      delivered: perSecond(this.#counts.delivered),
      failed: perSecond(this.#counts.failed),
      attempts: perSecond(this.#counts.attempts),
    };
  }

  #add(rate: RateName, count: number): void {
    this.#turn();
    const counts = this.#counts[rate];
    const index = this.#slot % SLOTS;
    counts[index] = (counts[index] ?? 0) + count;
  }

  #elapsedMs(): number {
    return this.#clock.now() - this.#originMs;
  }

  /** Empties the slots that time has passed over. */
  #turn(): void {
    const slot = Math.floor(this.#elapsedMs() / SLOT_MS);
    const from = Math.max(this.#slot + 1, slot - SLOTS + 1);
    for (let each = from; each <= slot; each++) for (const name of rateNames) this.#counts[name][each % SLOTS] = 0;
    this.#slot = Math.max(slot, this.#slot);
  }
}
