import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { StoreError, storeErrorOf } from "./errors.ts";
import { sqliteMigrations } from "./sqlite-schema.ts";
import type { TakenBack, WorkKind } from "./types.ts";

/** One process: what is seen as locked stays so. */
const BUSY_TIMEOUT_MS = 0;
/** SQLite's primary result code for a database that another process has. */
const SQLITE_BUSY = 5;

/** `locking_mode`: the file is ours until we close it; the index of the log is then in our memory, which is faster too. */
const settings = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS};
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 8000;
  PRAGMA cache_size = -32768;
  PRAGMA temp_store = MEMORY;
`;

/** What one call of a transaction came to. */
export type Outcome = { readonly value: unknown } | { readonly error: StoreError };

/** One SQLite file that is ours alone, with all that is prepared on it. Every call blocks: it lives in a thread of its own. */
export class SqliteDatabase {
  readonly #db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #arrays = new Map<string, StatementSync>();
  readonly #counts = new Map<string, number>();
  readonly #worked = new Set<WorkKind>();
  /** In this transaction, and in those before that are committed. */
  #takenBack: TakenBack[] = [];
  #takenBackBefore: TakenBack[] = [];

  /** @throws {StoreError} `STORE_IN_USE`, `STORE_TOO_NEW`, `STORE_UNAVAILABLE` */
  constructor(path: string) {
    try {
      this.#db = new DatabaseSync(path);
    } catch (error) {
      throw storeErrorOf(error);
    }
    try {
      this.#db.exec(settings);
      this.#migrate();
    } catch (error) {
      this.#db.close();
      if (error instanceof Error && "errcode" in error && Number(error.errcode) % 256 === SQLITE_BUSY)
        throw new StoreError("STORE_IN_USE", `${path} is in use by another process`, { cause: error });
      throw storeErrorOf(error);
    }
  }

  /**
   * Runs calls in one transaction with one fsync. When one fails, each is run again in a transaction of its own, so that none fails
   * for the mistake of another.
   */
  commit(calls: readonly (() => unknown)[]): Outcome[] {
    try {
      return this.#transaction(calls).map((value) => ({ value }));
    } catch (error) {
      if (calls.length > 1) return calls.flatMap((call) => this.commit([call]));
      return [{ error: storeErrorOf(error) }];
    }
  }

  /** Rows as objects by column name. */
  all<Row>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** Rows as arrays of columns: cheaper. */
  rows<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#arrayStatement(sql).all(...values) as unknown as Row[];
  }

  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- names the columns, as `rows` does
  row<Row extends readonly unknown[]>(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#arrayStatement(sql).get(...values) as unknown as Row | undefined;
  }

  /** Returns how many rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes);
  }

  /** Counts deliveries that came into, or (negative) left, a state in this transaction. */
  count(state: string, by: number): void {
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + by);
  }

  /** After this transaction is committed there is such work. */
  announceWork(kind: WorkKind): void {
    this.#worked.add(kind);
  }

  /** The work that was announced since this was asked last. */
  takeWork(): WorkKind[] {
    const worked = [...this.#worked];
    this.#worked.clear();
    return worked;
  }

  /** After this transaction is committed, that is to be told. */
  announceTakenBack(taken: TakenBack): void {
    this.#takenBack.push(taken);
  }

  /** What was taken back, and committed, since this was asked last. */
  takeTakenBack(): TakenBack[] {
    const taken = this.#takenBackBefore;
    this.#takenBackBefore = [];
    return taken;
  }

  close(): void {
    this.#db.close();
  }

  #transaction(calls: readonly (() => unknown)[]): unknown[] {
    this.#counts.clear();
    this.#takenBack = [];
    this.#db.exec("BEGIN");
    try {
      const results = calls.map((call) => call());
      this.#writeCounts();
      this.#db.exec("COMMIT");
      this.#takenBackBefore.push(...this.#takenBack);
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

  #arrayStatement(sql: string): StatementSync {
    const known = this.#arrays.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    statement.setReturnArrays(true);
    this.#arrays.set(sql, statement);
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
