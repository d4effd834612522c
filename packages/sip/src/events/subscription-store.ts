import type { DialogState } from "../dialog/dialog-state.ts";

/** What may be written as JSON and read back the same. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** One subscription at its notifier, as plain JSON. RFC 6665 §4.2.1. */
export interface SubscriptionRecord {
  /** Unlike any other; our tag in the dialog. */
  readonly id: string;
  readonly package: string;
  /** The id parameter of Event; null when there is none. */
  readonly eventId: string | null;
  /** The other parameters of Event: name and value as written, quotes kept; null for a flag. */
  readonly eventParams: ReadonlyArray<readonly [name: string, value: string | null]>;
  readonly state: "pending" | "active";
  /** `localSeq` is the highest CSeq number that may have been used: go on above it. */
  readonly dialog: DialogState;
  /** ISO 8601, UTC. */
  readonly expiresAt: string;
  /** What is subscribed to: the Request-URI unless the application said otherwise. */
  readonly resource: string;
  /** Who subscribed: the URI in From unless the application said otherwise. */
  readonly subscriber: string;
  /** Media types and ranges of Accept; empty when the package's own types go. */
  readonly accept: readonly string[];
  /** What the application keeps with it. */
  readonly applicationData: JsonValue;
}

/**
 * Where a notifier keeps its subscriptions. Calls for one id come in order, and do not overlap unless one takes more than
 * 5 s: that one counts as failed. A failure is logged and counted by the notifier, which goes on with what it has in memory.
 */
export interface SubscriptionStore {
  /** Inserts, or replaces the record of that id. */
  put(record: SubscriptionRecord): Promise<void>;
  /** Removes it; harmless when it is not there. */
  delete(id: string): Promise<void>;
  /** All records of one package, expired ones too: read once, when a notifier starts. */
  load(eventPackage: string): AsyncIterable<SubscriptionRecord>;
}

/** Keeps records in memory: over a restart of a notifier, not of the process. */
export class MemorySubscriptionStore implements SubscriptionStore {
  readonly #records = new Map<string, SubscriptionRecord>();

  get size(): number {
    return this.#records.size;
  }

  get(id: string): SubscriptionRecord | undefined {
    return this.#records.get(id);
  }

  async put(record: SubscriptionRecord): Promise<void> {
    this.#records.set(record.id, record);
  }

  async delete(id: string): Promise<void> {
    this.#records.delete(id);
  }

  async *load(eventPackage: string): AsyncIterable<SubscriptionRecord> {
    for (const record of [...this.#records.values()]) if (record.package === eventPackage) yield record;
  }
}
