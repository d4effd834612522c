import type { PushMessage } from "@sip-push/push";
import type { DeliveryState } from "../delivery/delivery.machine.ts";
import type { ClaimedDelivery, DeliveryLease } from "../store/types.ts";

/** What was claimed together: its attempts are aborted together, because a signal for each would cost more than the rest. */
export class ClaimBatch {
  readonly #abort = new AbortController();
  /** Attempts that somebody waits for. */
  #wanted: number;
  #unwanted = 0;

  constructor(size: number) {
    this.#wanted = size;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get aborted(): boolean {
    return this.#abort.signal.aborted;
  }

  /** An attempt is over, or there was none. */
  ended(): void {
    this.#wanted--;
    if (this.#wanted <= 0 && this.#unwanted > 0) this.abort();
  }

  /** Nobody waits for an attempt any more that is under way: all are aborted when that is so of all that are left. */
  withdraw(): void {
    this.#unwanted++;
    this.ended();
  }

  abort(): void {
    this.#abort.abort();
  }
}

/**
 * - `waiting`: for the attempt before it to the same recipient. `sending`: an attempt is under way. `committing`: what became of it
 *   is on its way into the store. `gone`: no longer ours.
 */
export type FlightState = "waiting" | "sending" | "committing" | "gone";

/** A delivery that this node holds. */
export interface Flight {
  readonly delivery: ClaimedDelivery;
  /** What each change of it is conditional on. */
  readonly lease: DeliveryLease;
  readonly batch: ClaimBatch;
  readonly push: PushMessage;
  readonly destination: string;
  state: FlightState;
  /** The state that was told last. */
  told: DeliveryState;
  /** End of the lease, in wall milliseconds. */
  leaseUntilMs: number;
  /** Wall time at which the attempt began; 0 before. */
  startedMs: number;
  /** The same by the clock that nobody sets: for how long it takes. */
  beganMs: number;
  /** The attempt that says whether the destination is back. */
  probe: boolean;
  /** Somebody else has the delivery, or changed it: nothing may be written. */
  lost: boolean;
}
