import type { PushOutcome } from "@sip-push/sender";
import { type Clock, type Logger, silentLogger, systemClock } from "@sip-push/sip";
import { defaultBreakerRule } from "../delivery/circuit-breaker.machine.ts";
import { defaultRetryRules } from "../delivery/retry-policy.ts";
import type { ClaimedDelivery } from "../store/types.ts";
import { AbsenceWatch } from "./absence-watch.ts";
import { ClaimLoop } from "./claim-loop.ts";
import type { Change } from "./decisions.ts";
import { Destinations } from "./destinations.ts";
import type { Flight } from "./flight.ts";
import { Flights } from "./flights.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import { checkOptions, DEFAULT_GRACE_MS, type DispatcherOptions, type DispatcherStats, hostOf } from "./options.ts";
import { Places } from "./places.ts";

interface StopOptions {
  readonly graceMs?: number;
  readonly submitted?: Promise<unknown>;
}

/** How long a stop waits for the store, when all attempts have ended. */
const LAST_WRITES_MS = 2000;

/**
 * Delivers what is in the store: claims what is due, gives it to the Push Sender agent, and writes what became of it. What that is
 * the delivery machine decides, about each claim and each end of an attempt (`decisions.ts`). Any number of dispatchers may share
 * a store.
 */
export class Dispatcher {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #destinations: Destinations;
  readonly #flights: Flights;
  readonly #loop: ClaimLoop;
  readonly #leases: LeaseKeeper;
  readonly #absence: AbsenceWatch;
  /** For {@link PromptSubmissions}: what it hands over comes by {@link take}. */
  readonly places: Places;
  #started = false;
  #stopped: Promise<void> | undefined;
  #hurry: (() => void) | undefined;

  private constructor(options: DispatcherOptions) {
    const { store, sender, owner, observe, clock = systemClock, logger = silentLogger, random = Math.random } = options;
    const { concurrency = 2048, leaseMs = 30_000, reportTimeoutSeconds = 30, claimBatch = 256 } = options;
    const { retryRules: rules = defaultRetryRules, breakerRule: rule = defaultBreakerRule } = options;
    const { perDestination: window = concurrency, maxWatched = 5000, destinationOf = hostOf } = options;
    this.#clock = clock;
    this.#logger = logger;
    const places = options.places ?? new Places();
    this.places = places;
    this.#destinations = new Destinations({
      rule,
      window,
      random,
      onBreaker: (destination, phase) => {
        logger.warn({ destination, phase }, "circuit breaker");
        observe?.({ event: "breaker", destination, phase, atMs: clock.date().getTime() });
      },
    });
    this.#flights = new Flights({
      store,
      sender,
      destinations: this.#destinations,
      destinationOf,
      clock,
      logger,
      observe,
      rules,
      random,
      reportTimeoutMs: reportTimeoutSeconds * 1000,
      concurrency,
      onSettled: (flight, change, outcome) => this.#settled(flight, change, outcome),
      onRoom: () => {
        offer();
        this.#loop.roomMade();
      },
    });
    const minRoom = Math.min(claimBatch, Math.ceil(concurrency / 8));
    // Room for what becomes due meanwhile is left.
    const offer = (): void => places.offer(this.#loop.caughtUp ? this.#flights.room - minRoom : 0);
    this.#loop = new ClaimLoop({
      ...{ store, owner, clock, logger, leaseMs, claimBatch, minRoom },
      room: () => this.#flights.room - places.spokenFor,
      onClaimed: (deliveries) => this.#flights.take(deliveries),
      onCaughtUp: offer,
    });
    this.#leases = new LeaseKeeper({
      store,
      clock,
      logger,
      leaseMs,
      held: () => this.#flights.held,
      onLost: (flight) => this.#flights.lose(flight),
    });
    const waitMs = Math.max(60_000, rules.absent.maxMs);
    const pauseMs = rules.absent.initialMs;
    this.#absence = new AbsenceWatch({ store, sender, clock, logger, maxWatched, waitMs, pauseMs });
  }

  /** @throws {RangeError} naming an option that is no whole number from 1 on. */
  static open(options: DispatcherOptions): Dispatcher {
    checkOptions(options);
    return new Dispatcher(options);
  }

  get stats(): DispatcherStats {
    return { ...this.#flights.stats, watched: this.#absence.size, brokenDestinations: this.#destinations.broken };
  }

  /** Delivers what was claimed for this node as it was submitted, for places that it had offered; also none, for fewer than those. */
  take(deliveries: readonly ClaimedDelivery[]): void {
    this.#flights.take(deliveries);
    this.places.free(deliveries.length);
    this.#loop.roomMade();
  }

  /** Whether the store answered when work was asked for last. */
  get healthy(): boolean {
    return this.#loop.healthy;
  }

  /** Begins to deliver. Idempotent. */
  start(): void {
    if (this.#started || this.#stopped !== undefined) return;
    this.#started = true;
    this.#leases.start();
    this.#absence.start();
    this.#loop.start();
  }

  /**
   * Claims nothing more, hands back what was not sent, and waits for what is under way: `graceMs`, 0 for not at all, by default as
   * long as an answer may take. What has no answer then is aborted and handed back; sent again it has the same Call-ID, so that the
   * receiver drops it. A second call with `graceMs: 0` ends the wait of the first.
   *
   * @param submitted resolves when nothing more is handed over.
   */
  stop({ graceMs = DEFAULT_GRACE_MS, submitted }: StopOptions = {}): Promise<void> {
    if (graceMs === 0) this.#hurry?.();
    this.#stopped ??= this.#stop(graceMs, submitted);
    return this.#stopped;
  }

  async #stop(graceMs: number, submitted: Promise<unknown> = Promise.resolve()): Promise<void> {
    this.#flights.stop();
    this.#absence.close();
    const quiet = Promise.all([this.#loop.stop(), submitted]);
    await this.#emptyWithin(graceMs, quiet);
    this.#flights.abort();
    await this.#emptyWithin(LAST_WRITES_MS, quiet);
    const { inFlight, committing } = this.#flights.stats;
    const submitting = this.places.spokenFor;
    if (inFlight + committing + submitting > 0) {
      this.#logger.warn(
        { inFlight, committing, submitting },
        "stopped with deliveries under way; they are taken up when their leases end",
      );
    }
    this.#flights.close();
    this.#leases.stop();
  }

  /** Waits until nothing is held, at most so long. */
  #emptyWithin(limitMs: number, first: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        this.#hurry = undefined;
        resolve();
      };
      const timer = this.#clock.schedule(limitMs, done);
      this.#hurry = done;
      void this.#empty(first).finally(() => done());
    });
  }

  async #empty(first: Promise<unknown>): Promise<void> {
    await first;
    await this.#flights.whenEmpty();
  }

  #settled({ delivery, push, beganMs }: Flight, change: Change, outcome: PushOutcome): void {
    const { recipient } = delivery;
    const { sipStatus } = outcome;
    if (change.awaitRegistration) {
      this.#absence.watch(recipient, push.applicationId, beganMs);
    } else if (sipStatus !== null && sipStatus < 300 && sipStatus !== 202) {
      this.#absence.reached(recipient, push.applicationId);
    }
  }
}
