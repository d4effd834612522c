import { randomBytes } from "node:crypto";
import type { Clock } from "@sip-push/sip";

/** One login. */
export interface Session {
  readonly user: string;
  readonly startedAtMs: number;
  /** Called when it ends, whatever ends it. */
  readonly onEnd: Set<() => void>;
}

/** How long logins last, and how many there may be. */
export interface SessionLimits {
  /** Ends a session that asks nothing for so long. */
  readonly idleMs: number;
  /** Ends every session after so long. */
  readonly lifetimeMs: number;
  /** The one longest idle ends when there would be more. */
  readonly sessions: number;
}

const defaultSessionLimits: SessionLimits = { idleMs: 30 * 60_000, lifetimeMs: 12 * 3_600_000, sessions: 200 };

interface Entry extends Session {
  lastSeenMs: number;
}

/** Logins by random id, in memory: they end with the process. */
export class Sessions {
  readonly #clock: Clock;
  readonly #limits: SessionLimits;
  /** Longest idle first: an entry moves to the end whenever it is seen. */
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock, limits: SessionLimits = defaultSessionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Returns the id: 256 random bits. */
  start(user: string): string {
    this.expire();
    while (this.#entries.size >= this.#limits.sessions) this.end(this.#entries.keys().next().value ?? "");
    const id = randomBytes(32).toString("base64url");
    const nowMs = this.#clock.now();
    this.#entries.set(id, { user, startedAtMs: nowMs, lastSeenMs: nowMs, onEnd: new Set() });
    return id;
  }

  /** The session, which now counts as used; undefined: there is none, or it is over. */
  use(id: string): Session | undefined {
    this.expire();
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    entry.lastSeenMs = this.#clock.now();
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    return entry;
  }

  /** Idempotent. */
  end(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    for (const ended of entry.onEnd) ended();
  }

  /** Ends those that are over; `start` and `use` do so too. */
  expire(): void {
    const nowMs = this.#clock.now();
    for (const [id, entry] of this.#entries) {
      const idle = nowMs - entry.lastSeenMs >= this.#limits.idleMs;
      if (idle || nowMs - entry.startedAtMs >= this.#limits.lifetimeMs) this.end(id);
    }
  }
}
