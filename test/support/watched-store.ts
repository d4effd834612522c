import { type PpgStore, StoreError } from "@sip-push/ppg";

/** What a call of a store is to do instead: fail before it did anything, or after. */
export type StoreFault = "before" | "after" | undefined;

/** A store that says when it is at rest, and fails when told. */
export class WatchedStore {
  readonly store: PpgStore;
  /** By method: how often it was called. */
  readonly calls = new Map<string, number>();
  /** Decides for each call whether it fails. */
  fault: (method: string) => StoreFault = () => undefined;
  #pending = 0;

  constructor(inner: PpgStore) {
    this.store = new Proxy(inner, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function" || typeof name !== "string") return value;
        const bound = value.bind(target) as (...given: unknown[]) => unknown;
        return name === "onWork" ? bound : (...given: unknown[]) => this.#call(name, () => bound(...given));
      },
    });
  }

  /** Calls that have no answer yet. */
  get pending(): number {
    return this.#pending;
  }

  async #call(name: string, run: () => unknown): Promise<unknown> {
    this.calls.set(name, (this.calls.get(name) ?? 0) + 1);
    const fault = this.fault(name);
    this.#pending++;
    try {
      if (fault === "before") throw new StoreError("STORE_UNAVAILABLE", "the test cut the connection");
      const result = await run();
      if (fault === "after") throw new StoreError("STORE_UNAVAILABLE", "the test cut the connection too late");
      return result;
    } finally {
      this.#pending--;
    }
  }
}

/** Resolves when no store has anything to do, and no promise that waited for one is left. */
export async function atRest(stores: () => readonly WatchedStore[]): Promise<void> {
  for (let quiet = 0; quiet < 3; ) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    quiet = stores().some(({ pending }) => pending > 0) ? 0 : quiet + 1;
  }
}
