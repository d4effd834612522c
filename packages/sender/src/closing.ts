/**
 * Tells what is under way that the sender closes. Not an `AbortSignal`, which looks through all its listeners whenever one is
 * added: 200,000 deliveries may wait at a time.
 */
export class Closing {
  readonly #listeners = new Set<() => void>();
  #closed = false;

  get closed(): boolean {
    return this.#closed;
  }

  /** Calls `listener` when the sender closes; at once when it has. */
  on(listener: () => void): void {
    if (this.#closed) listener();
    else this.#listeners.add(listener);
  }

  off(listener: () => void): void {
    this.#listeners.delete(listener);
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}
