import type { CapabilityStore, UserCapabilities } from "@sip-push/sender";
import type { SubscriptionRecord, SubscriptionStore } from "@sip-push/sip";
import type { SqliteDatabase } from "./sqlite-database.ts";

/** Records read at a time. */
const PAGE = 500;

/** Subscriptions of a notifier (RFC 6665), as JSON; the notifier checks what it reads. */
export class SqliteSubscriptionStore implements SubscriptionStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async put(record: SubscriptionRecord): Promise<void> {
    const sql = `INSERT INTO subscriptions (id, package, record) VALUES (?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET package = excluded.package, record = excluded.record`;
    await this.#db.transaction(() => this.#db.run(sql, record.id, record.package, JSON.stringify(record)));
  }

  async delete(id: string): Promise<void> {
    await this.#db.transaction(() => this.#db.run("DELETE FROM subscriptions WHERE id = ?", id));
  }

  async *load(eventPackage: string): AsyncIterable<SubscriptionRecord> {
    const sql = "SELECT id, record FROM subscriptions WHERE package = ? AND id > ? ORDER BY id LIMIT ?";
    for (let after = "", full = true; full; ) {
      const rows = await this.#db.read(() =>
        this.#db.all<{ id: string; record: string }>(sql, eventPackage, after, PAGE),
      );
      for (const { record } of rows) yield JSON.parse(record) as SubscriptionRecord;
      full = rows.length === PAGE;
      after = rows.at(-1)?.id ?? after;
    }
  }
}

/** What the sender learnt of handsets, as JSON. */
export class SqliteCapabilityStore implements CapabilityStore {
  readonly #db: SqliteDatabase;

  constructor(db: SqliteDatabase) {
    this.#db = db;
  }

  async put(user: UserCapabilities): Promise<void> {
    const sql =
      "INSERT INTO capabilities (aor, record) VALUES (?, ?) ON CONFLICT (aor) DO UPDATE SET record = excluded.record";
    await this.#db.transaction(() => this.#db.run(sql, user.aor, JSON.stringify(user)));
  }

  async delete(aor: string): Promise<void> {
    await this.#db.transaction(() => this.#db.run("DELETE FROM capabilities WHERE aor = ?", aor));
  }

  async *load(): AsyncIterable<UserCapabilities> {
    const sql = "SELECT aor, record FROM capabilities WHERE aor > ? ORDER BY aor LIMIT ?";
    for (let after = "", full = true; full; ) {
      const rows = await this.#db.read(() => this.#db.all<{ aor: string; record: string }>(sql, after, PAGE));
      for (const { record } of rows) yield JSON.parse(record) as UserCapabilities;
      full = rows.length === PAGE;
      after = rows.at(-1)?.aor ?? after;
    }
  }
}
