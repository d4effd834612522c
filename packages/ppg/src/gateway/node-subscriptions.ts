import type { Clock, SubscriptionRecord, SubscriptionStore } from "@sip-push/sip";

/** A record with the name of the node whose it is; one of an earlier version has none. */
interface NodeRecord extends SubscriptionRecord {
  readonly node?: string;
}

/** A node that comes back ends what ran out meanwhile itself, with a NOTIFY; after so long nobody misses that. */
const LEFT_BEHIND_MS = 3_600_000;

/**
 * The subscriptions of one of several nodes that share a store: each goes on with those that it took itself, also after a restart, and
 * with nobody else's. A dialog has one end: two nodes in it would count CSeq each by itself, and the handset would answer 500 to the
 * one that is behind (RFC 3261 §12.2.2). What another node pushes to such a handset goes by MESSAGE.
 */
export class NodeSubscriptions implements SubscriptionStore {
  readonly #store: SubscriptionStore;
  readonly #node: string;
  readonly #clock: Clock;

  /** @param node name that no other node has, and that this one keeps. */
  constructor(store: SubscriptionStore, node: string, clock: Clock) {
    this.#store = store;
    this.#node = node;
    this.#clock = clock;
  }

  put(record: SubscriptionRecord): Promise<void> {
    const named: NodeRecord = { ...record, node: this.#node };
    return this.#store.put(named);
  }

  delete(id: string): Promise<void> {
    return this.#store.delete(id);
  }

  /** Of this node; what a node that is no more has left behind is removed by the way. */
  async *load(eventPackage: string): AsyncIterable<SubscriptionRecord> {
    for await (const { node, ...record } of this.#store.load(eventPackage) as AsyncIterable<NodeRecord>) {
      if (node === undefined || node === this.#node) yield record;
      else if (this.#isLeftBehind(record)) await this.#store.delete(record.id);
    }
  }

  #isLeftBehind({ expiresAt }: SubscriptionRecord): boolean {
    return this.#clock.date().getTime() - Date.parse(expiresAt) > LEFT_BEHIND_MS;
  }
}
