import type { Clock, Logger, Timer } from "@sip-push/sip";
import type { PpgStore } from "../store/store.ts";
import type { Flight } from "./flight.ts";

export interface LeaseKeeperOptions {
  readonly store: Pick<PpgStore, "renew">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly leaseMs: number;
  /** What this node holds. */
  readonly held: () => Iterable<Flight>;
  /** Somebody else has it now, or may. */
  readonly onLost: (flight: Flight) => void;
}

/** A lease is renewed when half of it is over; what fails is tried again before it ends. */
const TICKS = 6;

/** Makes leases last while attempts are under way: one call for all, from one timer. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  #timer: Timer | undefined;
  #renewing = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, leaseMs } = this.#options;
    this.#timer = clock.schedule(leaseMs / TICKS, () => {
      void this.#renew();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  async #renew(): Promise<void> {
    const { store, clock, logger, leaseMs, held, onLost } = this.#options;
    if (this.#renewing) return;
    const nowMs = clock.date().getTime();
    const due = [...held()].filter(({ leaseUntilMs }) => {
      const leftMs = leaseUntilMs - nowMs;
      // No lease lasts longer than it was made for, unless the clock was set back: then it would keep others from it for as long.
      return leftMs <= leaseMs / 2 || leftMs > leaseMs;
    });
    // Whoever was not sent yet is another's by now, perhaps; an attempt that is under way may still be in time.
    for (const flight of due) if (flight.leaseUntilMs <= nowMs && flight.state === "waiting") onLost(flight);
    const wanted = due.filter(({ state }) => state !== "gone");
    if (wanted.length === 0) return;
    this.#renewing = true;
    try {
      const untilMs = nowMs + leaseMs;
      const leases = wanted.map(({ lease }) => lease);
      const renewed = await store.renew(leases, untilMs);
      for (const [index, flight] of wanted.entries()) {
        if (renewed[index] === true) flight.leaseUntilMs = untilMs;
        // What is being committed has perhaps just been.
        else if (flight.state === "waiting" || flight.state === "sending") onLost(flight);
      }
    } catch (error) {
      logger.error({ err: error, leases: wanted.length }, "leases could not be renewed");
    }
    this.#renewing = false;
  }
}
