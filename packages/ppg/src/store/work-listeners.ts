import type { WorkKind } from "./types.ts";

/** Who wants to know that there may be work of one kind. */
export class WorkListeners {
  readonly #of: Readonly<Record<WorkKind, Set<() => void>>> = { deliveries: new Set(), results: new Set() };

  /** Returns how to stop that. */
  add(of: WorkKind, listener: () => void): () => void {
    this.#of[of].add(listener);
    return () => void this.#of[of].delete(listener);
  }

  tell(kinds: Iterable<WorkKind>): void {
    for (const kind of kinds) for (const listener of this.#of[kind]) listener();
  }

  clear(): void {
    for (const listeners of Object.values(this.#of)) listeners.clear();
  }
}
