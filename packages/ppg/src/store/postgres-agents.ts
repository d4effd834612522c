import type { CapabilityStore, UserCapabilities } from "@sip-push/sender";
import type { SubscriptionRecord, SubscriptionStore } from "@sip-push/sip";
import type { PostgresDatabase } from "./postgres-database.ts";

/** Records read at a time. */
const PAGE = 500;

/** Subscriptions of a notifier (RFC 6665), as JSON; the notifier checks what it reads. */
export class PostgresSubscriptionStore implements SubscriptionStore {
  readonly #db: PostgresDatabase;

  constructor(db: PostgresDatabase) {
    this.#db = db;
  }

  async put(record: SubscriptionRecord): Promise<void> {
    const sql = `INSERT INTO subscriptions (id, package, record) VALUES ($1, $2, $3)
      ON CONFLICT (id) DO UPDATE SET package = excluded.package, record = excluded.record`;
    await this.#db.transaction((session) => session.all(sql, [record.id, record.package, JSON.stringify(record)]));
  }

  async delete(id: string): Promise<void> {
    await this.#db.transaction((session) => session.all("DELETE FROM subscriptions WHERE id = $1", [id]));
  }

  async *load(eventPackage: string): AsyncIterable<SubscriptionRecord> {
    const sql = "SELECT id, record FROM subscriptions WHERE package = $1 AND id > $2 ORDER BY id LIMIT $3";
    for (let after = "", full = true; full; ) {
      const rows = await this.#db.transaction((session) =>
        session.all<{ id: string; record: string }>(sql, [eventPackage, after, PAGE]),
      );
      for (const { record } of rows) yield JSON.parse(record) as SubscriptionRecord;
      full = rows.length === PAGE;
      after = rows.at(-1)?.id ?? after;
    }
  }
}

/** What the sender learnt of handsets, as JSON. */
export class PostgresCapabilityStore implements CapabilityStore {
  readonly #db: PostgresDatabase;

  constructor(db: PostgresDatabase) {
    this.#db = db;
  }

  async put(user: UserCapabilities): Promise<void> {
    const sql =
      "INSERT INTO capabilities (aor, record) VALUES ($1, $2) ON CONFLICT (aor) DO UPDATE SET record = excluded.record";
    await this.#db.transaction((session) => session.all(sql, [user.aor, JSON.stringify(user)]));
  }

  async delete(aor: string): Promise<void> {
    await this.#db.transaction((session) => session.all("DELETE FROM capabilities WHERE aor = $1", [aor]));
  }

  async *load(): AsyncIterable<UserCapabilities> {
    const sql = "SELECT aor, record FROM capabilities WHERE aor > $1 ORDER BY aor LIMIT $2";
    for (let after = "", full = true; full; ) {
      const rows = await this.#db.transaction((session) =>
        session.all<{ aor: string; record: string }>(sql, [after, PAGE]),
      );
      for (const { record } of rows) yield JSON.parse(record) as UserCapabilities;
      full = rows.length === PAGE;
      after = rows.at(-1)?.aor ?? after;
    }
  }
}
