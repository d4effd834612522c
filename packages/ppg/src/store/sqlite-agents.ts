import type { CapabilityStore, UserCapabilities } from "@sip-push/sender";
import type { SubscriptionRecord, SubscriptionStore } from "@sip-push/sip";
import { AGENT_PAGE } from "./sqlite-agent-calls.ts";
import type { SqliteThread } from "./sqlite-thread.ts";

/** Subscriptions of a notifier (RFC 6665), as JSON; the notifier checks what it reads. */
export class SqliteSubscriptionStore implements SubscriptionStore {
  readonly #thread: SqliteThread;

  constructor(thread: SqliteThread) {
    this.#thread = thread;
  }

  async put(record: SubscriptionRecord): Promise<void> {
    await this.#thread.call("putSubscription", record.id, record.package, JSON.stringify(record));
  }

  async delete(id: string): Promise<void> {
    await this.#thread.call("deleteSubscription", id);
  }

  async *load(eventPackage: string): AsyncIterable<SubscriptionRecord> {
    for (let after = "", full = true; full; ) {
      const rows = await this.#thread.call("subscriptionsAfter", eventPackage, after);
      for (const { record } of rows) yield JSON.parse(record) as SubscriptionRecord;
      full = rows.length === AGENT_PAGE;
      after = rows.at(-1)?.id ?? after;
    }
  }
}

/** What the sender learnt of handsets, as JSON. */
export class SqliteCapabilityStore implements CapabilityStore {
  readonly #thread: SqliteThread;

  constructor(thread: SqliteThread) {
    this.#thread = thread;
  }

  async put(user: UserCapabilities): Promise<void> {
    await this.#thread.call("putCapabilities", user.aor, JSON.stringify(user));
  }

  async delete(aor: string): Promise<void> {
    await this.#thread.call("deleteCapabilities", aor);
  }

  async *load(): AsyncIterable<UserCapabilities> {
    for (let after = "", full = true; full; ) {
      const rows = await this.#thread.call("capabilitiesAfter", after);
      for (const { record } of rows) yield JSON.parse(record) as UserCapabilities;
      full = rows.length === AGENT_PAGE;
      after = rows.at(-1)?.aor ?? after;
    }
  }
}
