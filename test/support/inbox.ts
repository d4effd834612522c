/** What came and was not asked for yet, and who asks for what has not come yet. */
export class Inbox<T> {
  readonly #waiting: T[] = [];
  readonly #lookers = new Set<() => void>();
  readonly #describe: (item: T) => string;

  /** @param describe for the message of an error: what came instead. */
  constructor(describe: (item: T) => string) {
    this.#describe = describe;
  }

  put(item: T): void {
    this.#waiting.push(item);
    for (const look of this.#lookers) look();
  }

  /** Everything that came and was not taken. */
  get waiting(): readonly T[] {
    return this.#waiting;
  }

  /**
   * Takes the next item that fits, also one that came before. Rejects when none comes in time: 30 s unless told, which ends a wait
   * for what does not come at all. How soon it comes is not what these tests are about, and a machine may be busy.
   */
  next(fits: (item: T) => boolean = () => true, timeoutMs = 30_000): Promise<T> {
    // Made here, so that its stack tells who waits.
    const late = new Error();
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const index = this.#waiting.findIndex(fits);
        if (index < 0) return;
        this.#lookers.delete(look);
        clearTimeout(timer);
        resolve(this.#waiting.splice(index, 1)[0] as T);
      };
      const timer = setTimeout(() => {
        this.#lookers.delete(look);
        const came = this.#waiting.map(this.#describe).join(", ") || "nothing";
        late.message = `what was awaited did not come within ${timeoutMs} ms; came: ${came}`;
        reject(late);
      }, timeoutMs);
      this.#lookers.add(look);
      look();
    });
  }
}

/** For {@link Inbox.next}: whether an event has this name. */
export function named(name: string): (item: { readonly event: string }) => boolean {
  return ({ event }) => event === name;
}
