/** What a table looks a subscription up by. */
interface Entry {
  readonly id: string;
  readonly resource: string;
  readonly subscriber: string;
}

/** Subscriptions by id, by resource, and counted by subscriber: nothing is searched for. */
export class SubscriptionTable<T extends Entry> {
  readonly #byId = new Map<string, T>();
  readonly #byResource = new Map<string, Set<T>>();
  readonly #bySubscriber = new Map<string, number>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): T | undefined {
    return this.#byId.get(id);
  }

  /** Those of one resource, or of all, in the order they came. */
  all(resource?: string): Iterable<T> {
    return resource === undefined ? this.#byId.values() : (this.#byResource.get(resource) ?? []);
  }

  countOf(subscriber: string): number {
    return this.#bySubscriber.get(subscriber) ?? 0;
  }

  /** `resource` and `subscriber` of an entry must not change from here on. */
  add(entry: T): void {
    this.#byId.set(entry.id, entry);
    const same = this.#byResource.get(entry.resource) ?? new Set();
    this.#byResource.set(entry.resource, same.add(entry));
    this.#bySubscriber.set(entry.subscriber, this.countOf(entry.subscriber) + 1);
  }

  remove(entry: T): void {
    if (!this.#byId.delete(entry.id)) return;
    const same = this.#byResource.get(entry.resource);
    same?.delete(entry);
    if (same?.size === 0) this.#byResource.delete(entry.resource);
    const left = this.countOf(entry.subscriber) - 1;
    if (left > 0) this.#bySubscriber.set(entry.subscriber, left);
    else this.#bySubscriber.delete(entry.subscriber);
  }
}
