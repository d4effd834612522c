import type { SqliteDatabase } from "./sqlite-database.ts";

/** Records read at a time. */
export const AGENT_PAGE = 500;

export interface SubscriptionRow {
  readonly id: string;
  readonly record: string;
}
export interface CapabilityRow {
  readonly aor: string;
  readonly record: string;
}

/** What the thread with the database does for the two stores. */
export const sqliteAgentCalls = {
  putSubscription(db: SqliteDatabase, id: string, eventPackage: string, record: string): void {
    const sql = `INSERT INTO subscriptions (id, package, record) VALUES (?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET package = excluded.package, record = excluded.record`;
    db.run(sql, id, eventPackage, record);
  },
  deleteSubscription(db: SqliteDatabase, id: string): void {
    db.run("DELETE FROM subscriptions WHERE id = ?", id);
  },
  subscriptionsAfter(db: SqliteDatabase, eventPackage: string, after: string): SubscriptionRow[] {
    const sql = "SELECT id, record FROM subscriptions WHERE package = ? AND id > ? ORDER BY id LIMIT ?";
    return db.all(sql, eventPackage, after, AGENT_PAGE);
  },
  putCapabilities(db: SqliteDatabase, aor: string, record: string): void {
    const sql =
      "INSERT INTO capabilities (aor, record) VALUES (?, ?) ON CONFLICT (aor) DO UPDATE SET record = excluded.record";
    db.run(sql, aor, record);
  },
  deleteCapabilities(db: SqliteDatabase, aor: string): void {
    db.run("DELETE FROM capabilities WHERE aor = ?", aor);
  },
  capabilitiesAfter(db: SqliteDatabase, after: string): CapabilityRow[] {
    return db.all("SELECT aor, record FROM capabilities WHERE aor > ? ORDER BY aor LIMIT ?", after, AGENT_PAGE);
  },
};
