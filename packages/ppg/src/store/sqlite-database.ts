import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StoreError, storeErrorOf } from "./errors.ts";
import { sqliteMigrations } from "./sqlite-schema.ts";

/** Most calls committed together: bounds how long the event loop stands still. */
const MAX_GROUP = 512;
const BUSY_TIMEOUT_MS = 5_000;

const settings = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
  PRAGMA wal_autocheckpoint = 4000;
  PRAGMA cache_size = -65536;
  PRAGMA temp_store = MEMORY;
`;

interface Waiting {
  readonly run: () => unknown;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * One SQLite file, one writer. Calls made in the same turn of the event loop are committed in one transaction, so that they
 * share one fsync; the promise of a call resolves after it.
 */
export class SqliteDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #counts = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #waiting: Waiting[] = [];
  #scheduled: NodeJS.Immediate | undefined;
  #worked = false;
  #closed = false;

  /** @throws {StoreError} `STORE_TOO_NEW`, `STORE_UNAVAILABLE` */
  constructor(path: string) {
    try {
      this.#db = new DatabaseSync(path);
      this.#db.exec(settings);
    } catch (error) {
      throw storeErrorOf(error);
    }
    try {
      this.#migrate();
    } catch (error) {
      this.#db.close();
      throw storeErrorOf(error);
    }
  }

  /** Runs `work` in a transaction; it may run again in one of its own when another call of the group fails. */
  transaction<T>(work: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new StoreError("STORE_CLOSED", "the store is closed"));
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ run: work, resolve, reject });
      this.#scheduled ??= setImmediate(() => this.#flush());
    });
  }

  /** Runs a query at once: it sees what is committed. */
  async read<T>(query: () => T): Promise<T> {
    if (this.#closed) throw new StoreError("STORE_CLOSED", "the store is closed");
    try {
      return query();
    } catch (error) {
      throw storeErrorOf(error);
    }
  }

  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** Returns how many rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Counts deliveries that came into, or (negative) left, a state in this transaction. */
  count(state: string, by: number): void {
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + by);
  }

  /** After this transaction is committed there is work. */
  announceWork(): void {
    this.#worked = true;
  }

  onWork(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): void {
    if (this.#closed) return;
    while (this.#waiting.length > 0) this.#flush();
    this.#closed = true;
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled);
    this.#listeners.clear();
    this.#db.close();
  }

  #flush(): void {
    const group = this.#waiting.slice(0, MAX_GROUP);
    this.#waiting = this.#waiting.slice(MAX_GROUP);
    this.#scheduled = this.#waiting.length > 0 ? setImmediate(() => this.#flush()) : undefined;
    this.#commitGroup(group);
    if (!this.#worked) return;
    this.#worked = false;
    for (const listener of this.#listeners) listener();
  }

  #commitGroup(group: readonly Waiting[]): void {
    if (group.length === 0) return;
    try {
      const results = this.#commit(group);
      for (const [index, { resolve }] of group.entries()) resolve(results[index] as never);
    } catch (error) {
      // One failed call must not fail its neighbours.
      if (group.length > 1) for (const each of group) this.#commitGroup([each]);
      else group[0]?.reject(storeErrorOf(error));
    }
  }

  #commit(group: readonly Waiting[]): unknown[] {
    this.#counts.clear();
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const results = group.map(({ run }) => run());
      this.#writeCounts();
      this.#db.exec("COMMIT");
      return results;
    } catch (error) {
      // A full disk has rolled back by itself.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #writeCounts(): void {
    const sql =
      "INSERT INTO state_counts (state, n) VALUES (?, ?) ON CONFLICT (state) DO UPDATE SET n = state_counts.n + excluded.n";
    for (const [state, by] of this.#counts) if (by !== 0) this.run(sql, state, by);
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #migrate(): void {
    this.#db.exec("BEGIN IMMEDIATE");
    const row = this.#db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (row.user_version > sqliteMigrations.length)
      throw new StoreError("STORE_TOO_NEW", `schema ${row.user_version} is of a later version`);
    for (const sql of sqliteMigrations.slice(row.user_version)) this.#db.exec(sql);
    this.#db.exec(`PRAGMA user_version = ${sqliteMigrations.length}`);
    this.#db.exec("COMMIT");
  }
}
