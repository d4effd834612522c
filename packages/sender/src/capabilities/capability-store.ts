import type { CapabilityFacts } from "./facts.ts";
import type { RefusedFacts } from "./refusals.ts";

/**
 * Where something was learnt: the registrar (feature tags of a contact), an answer to OPTIONS, what the handset published
 * here, what a presence agent told, or the refusal of a push.
 */
export type CapabilitySource = "registration" | "options" | "publication" | "presence" | "refusal";

/** What one source said of a handset, at one time. Plain JSON. */
export interface CapabilityRecord {
  readonly source: CapabilitySource;
  /** `urn:…` of the instance, else the contact URI; null: of all handsets of the user. */
  readonly handset: string | null;
  readonly facts: CapabilityFacts;
  readonly refused: RefusedFacts;
  /** ISO 8601, UTC. */
  readonly learntAt: string;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
}

/** All that is known of one user. Plain JSON. */
export interface UserCapabilities {
  /** The user in one spelling: `sip:user@domain`. */
  readonly aor: string;
  readonly records: readonly CapabilityRecord[];
}

/** Where capabilities outlive the process. Calls for one user never overlap and come in order. */
export interface CapabilityStore {
  /** Inserts, or replaces what is kept of that user. */
  put(user: UserCapabilities): Promise<void>;
  /** Harmless when nothing is kept. */
  delete(aor: string): Promise<void>;
  /** All users, expired records too: read once, at the start. */
  load(): AsyncIterable<UserCapabilities>;
}

/** Keeps them in memory: over a restart of a sender, not of the process. */
export class MemoryCapabilityStore implements CapabilityStore {
  readonly #users = new Map<string, UserCapabilities>();

  get size(): number {
    return this.#users.size;
  }

  async put(user: UserCapabilities): Promise<void> {
    this.#users.set(user.aor, user);
  }

  async delete(aor: string): Promise<void> {
    this.#users.delete(aor);
  }

  async *load(): AsyncIterable<UserCapabilities> {
    yield* [...this.#users.values()];
  }
}

/** Writes the last word on each user, one call at a time; while one is under way, only the newest waits. */
export class StoreWriter {
  readonly #store: CapabilityStore;
  readonly #failed: (error: unknown) => void;
  readonly #running = new Map<string, Promise<void>>();
  /** The newest that waits; undefined: delete. */
  readonly #next = new Map<string, UserCapabilities | undefined>();

  /** @param failed a write was rejected; what is in memory goes on. */
  constructor(store: CapabilityStore, failed: (error: unknown) => void) {
    this.#store = store;
    this.#failed = failed;
  }

  /** @param user undefined: delete. */
  write(aor: string, user: UserCapabilities | undefined): void {
    this.#next.set(aor, user);
    if (!this.#running.has(aor)) this.#running.set(aor, this.#run(aor));
  }

  /** Resolves when all is written. */
  async flush(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async #run(aor: string): Promise<void> {
    // What is learnt in one go is written once.
    await Promise.resolve();
    while (this.#next.has(aor)) {
      const user = this.#next.get(aor);
      this.#next.delete(aor);
      try {
        await (user === undefined ? this.#store.delete(aor) : this.#store.put(user));
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#running.delete(aor);
  }
}
