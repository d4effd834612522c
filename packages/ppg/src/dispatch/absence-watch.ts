import { normalizeApplicationId, PushInputError } from "@sip-push/push";
import type { Clock, Logger, Timer } from "@sip-push/sip";
import type { PpgStore } from "../store/store.ts";
import type { DispatchSender } from "./options.ts";

export interface AbsenceWatchOptions {
  readonly store: Pick<PpgStore, "wake" | "awaitingRegistration">;
  readonly sender: Pick<DispatchSender, "whenRegistered">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Recipients watched at a time. */
  readonly maxWatched: number;
  /** How long each is watched: not longer than until its push is tried again. */
  readonly waitMs: number;
  /** From one time that a push is woken to the next. */
  readonly pauseMs: number;
}

interface Watched {
  readonly recipient: string;
  readonly abort: AbortController;
}

/** Deliveries that wait for a registration are looked for in the store so often: another node may have left them. */
const RESTORE_MS = 300_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/**
 * Wakes pushes to handsets that were not there when they register. It only makes things quicker: each such push has a time at
 * which it is tried again anyhow, so what there is no room for, and what no registrar tells, is not lost.
 */
export class AbsenceWatch {
  readonly #options: AbsenceWatchOptions;
  /** By recipient and application. */
  readonly #watched = new Map<string, Watched>();
  /** What woke a push once does not wake it again: markers of registrations, the latest last. */
  readonly #markers = new Map<string, string>();
  readonly #arrived = new Set<string>();
  #waking = false;
  #pause: Timer | undefined;
  #pauseMs = 0;
  #restore: Timer | undefined;
  #closed = false;

  constructor(options: AbsenceWatchOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#watched.size;
  }

  /** Goes on with what other processes left, now and every few minutes. */
  start(): void {
    if (this.#closed) return;
    void this.#restoreAll();
    this.#restore = this.#options.clock.schedule(RESTORE_MS, () => this.start());
  }

  /**
   * The recipient is not there.
   *
   * @param sinceMs clock time at which the push was sent that found that out.
   */
  watch(recipient: string, applicationId: string | null, sinceMs: number): void {
    const key = keyOf(recipient, applicationId);
    if (this.#closed || this.#watched.has(key) || this.#watched.size >= this.#options.maxWatched) return;
    const watched: Watched = { recipient, abort: new AbortController() };
    this.#watched.set(key, watched);
    void this.#wait(key, watched, applicationId, sinceMs);
  }

  /** A push to this recipient was answered by its handset: it is there. Costs nothing when nobody is watched. */
  reached(recipient: string, applicationId: string | null): void {
    if (this.#watched.size === 0) return;
    for (const key of [keyOf(recipient, applicationId), keyOf(recipient, null)]) {
      const watched = this.#watched.get(key);
      if (watched === undefined) continue;
      watched.abort.abort();
      this.#watched.delete(key);
      this.#wake(recipient);
    }
  }

  /** Ends all watches. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#restore?.cancel();
    this.#pause?.cancel();
    for (const { abort } of this.#watched.values()) abort.abort();
    this.#watched.clear();
    this.#arrived.clear();
  }

  async #wait(key: string, watched: Watched, applicationId: string | null, sinceMs: number): Promise<void> {
    const { sender, waitMs, logger } = this.#options;
    const { recipient, abort } = watched;
    const after = this.#markers.get(key);
    try {
      const result = await sender.whenRegistered(recipient, {
        waitMs,
        sinceMs,
        signal: abort.signal,
        ...(applicationId !== null && { applicationId: normalizeApplicationId(applicationId) }),
        ...(after !== undefined && { after }),
      });
      if (result.kind === "registered") {
        this.#remember(key, result.marker);
        this.#wake(recipient);
      } else if (result.reason === "unwatchable" || result.reason === "overloaded") {
        logger.debug({ recipient, reason: result.reason }, "the registration is not waited for");
      }
    } catch (error) {
      if (!(error instanceof PushInputError)) logger.error({ err: error, recipient }, "watching a registration failed");
    }
    if (this.#watched.get(key) === watched) this.#watched.delete(key);
  }

  #remember(key: string, marker: string): void {
    this.#markers.delete(key);
    this.#markers.set(key, marker);
    for (const oldest of this.#markers.keys()) {
      if (this.#markers.size <= this.#options.maxWatched) return;
      this.#markers.delete(oldest);
    }
  }

  /** Those that come in one turn, or while the store is at work, go together. */
  #wake(recipient: string): void {
    if (this.#closed) return;
    this.#arrived.add(recipient);
    if (this.#waking || this.#pause !== undefined) return;
    this.#waking = true;
    setImmediate(() => void this.#wakeAll());
  }

  async #wakeAll(): Promise<void> {
    const { store, clock, logger, pauseMs } = this.#options;
    while (this.#arrived.size > 0 && !this.#closed) {
      const recipients = [...this.#arrived];
      this.#arrived.clear();
      try {
        await store.wake(recipients, clock.date().getTime(), pauseMs);
        this.#pauseMs = 0;
      } catch (error) {
        if (this.#closed) return;
        logger.error({ err: error, recipients: recipients.length }, "registered recipients could not be woken");
        for (const recipient of recipients) this.#arrived.add(recipient);
        this.#pauseMs = Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
        this.#pause = clock.schedule(this.#pauseMs, () => {
          this.#pause = undefined;
          this.#waking = true;
          void this.#wakeAll();
        });
        break;
      }
    }
    this.#waking = false;
  }

  async #restoreAll(): Promise<void> {
    const { store, clock, logger, maxWatched } = this.#options;
    const sinceMs = clock.now();
    const watched = new Set([...this.#watched.values()].map(({ recipient }) => recipient));
    if (watched.size >= maxWatched) return;
    try {
      for (const recipient of await store.awaitingRegistration(maxWatched))
        if (!watched.has(recipient)) this.watch(recipient, null, sinceMs);
    } catch (error) {
      if (!this.#closed) logger.error({ err: error }, "absent recipients could not be looked for");
    }
  }
}

function keyOf(recipient: string, applicationId: string | null): string {
  return `${applicationId ?? ""} ${recipient}`;
}
