import pg from "pg";
import { StoreError, storeErrorOf } from "./errors.ts";
import { postgresMigrations } from "./postgres-schema.ts";

const CHANNEL = "sip_push_ppg_work";
/** Any number that no other program locks in this database. */
const MIGRATION_LOCK = 7_297_001;
const CONNECT_TIMEOUT_MS = 5_000;
const LISTEN_AGAIN_MS = 1_000;
const MAX_TRIES = 10;
/** Serialization failure, deadlock: the transaction was undone, and may do better now. */
const AGAIN = new Set(["40001", "40P01"]);

/** Times and ids are far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)),
};

/** A connection inside a transaction. */
export class PostgresSession {
  readonly #client: pg.PoolClient;
  readonly #counts = new Map<string, number>();
  #work = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  async all<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { rows } = await this.#client.query(sql, [...values]);
    return rows as Row[];
  }

  /** Counts deliveries that came into, or (negative) left, a state in this transaction. */
  count(state: string, by: number): void {
    this.#counts.set(state, (this.#counts.get(state) ?? 0) + by);
  }

  /** When this transaction is committed, all nodes are told that there is work. */
  announceWork(): void {
    this.#work = true;
  }

  /** Rows are appended, because one row per state would make every transaction wait for the one before. */
  async finish(): Promise<void> {
    const counts = [...this.#counts].filter(([, by]) => by !== 0);
    if (counts.length > 0)
      await this.all("INSERT INTO state_counts SELECT * FROM unnest($1::text[], $2::int8[])", [
        counts.map(([state]) => state),
        counts.map(([, by]) => by),
      ]);
    if (this.#work) await this.all(`NOTIFY ${CHANNEL}`);
  }
}

/** A pool of connections, transactions, and the wake-up that nodes send each other. */
export class PostgresDatabase {
  readonly #pool: pg.Pool;
  readonly #connectionString: string;
  readonly #listeners = new Set<() => void>();
  readonly #running = new Set<Promise<unknown>>();
  #listening: pg.Client | undefined;
  #again: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  private constructor(connectionString: string, maxConnections: number) {
    this.#connectionString = connectionString;
    const connectionTimeoutMillis = CONNECT_TIMEOUT_MS;
    this.#pool = new pg.Pool({ connectionString, max: maxConnections, connectionTimeoutMillis, types });
    // A connection that broke while nobody used it: the pool has dropped it, and the next call opens another.
    this.#pool.on("error", () => {});
  }

  static async open(connectionString: string, maxConnections: number): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(connectionString, maxConnections);
    try {
      await database.transaction(migrate);
      await database.#listen();
      return database;
    } catch (error) {
      await database.close();
      throw storeErrorOf(error);
    }
  }

  /** Runs `work` in a transaction; again from the start when it lost against another one. */
  transaction<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new StoreError("STORE_CLOSED", "the store is closed"));
    const result = this.#try(work, 1);
    this.#running.add(result);
    return result.finally(() => this.#running.delete(result));
  }

  onWork(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #try<T>(work: (session: PostgresSession) => Promise<T>, tries: number): Promise<T> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      await client.query("BEGIN");
      const session = new PostgresSession(client);
      const result = await work(session);
      await session.finish();
      await client.query("COMMIT");
      client.release();
      return result;
    } catch (error) {
      const undone = await client?.query("ROLLBACK").then(
        () => true,
        () => false,
      );
      // A connection that cannot even roll back is not used again.
      client?.release(undone !== true);
      if (AGAIN.has(codeOf(error)) && tries < MAX_TRIES) return this.#try(work, tries + 1);
      throw storeErrorOf(error);
    }
  }

  async #listen(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#connectionString,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    client.on("notification", () => this.#tell());
    client.on("error", () => this.#listenAgain(client));
    client.on("end", () => this.#listenAgain(client));
    this.#listening = client;
    await client.connect();
    await client.query(`LISTEN ${CHANNEL}`);
  }

  /** Until it listens again, nodes find work by their own timers. */
  #listenAgain(broken: pg.Client): void {
    if (this.#listening !== broken || this.#closing !== undefined) return;
    this.#listening = undefined;
    void broken.end().catch(() => {});
    this.#again = setTimeout(() => {
      this.#listen().then(
        () => this.#tell(),
        () => this.#listening !== undefined && this.#listenAgain(this.#listening),
      );
    }, LISTEN_AGAIN_MS);
    this.#again.unref();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #close(): Promise<void> {
    clearTimeout(this.#again);
    while (this.#running.size > 0) await Promise.allSettled(this.#running);
    this.#listeners.clear();
    await this.#listening?.end().catch(() => {});
    await this.#pool.end();
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

async function migrate(session: PostgresSession): Promise<void> {
  await session.all("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
  await session.all("CREATE TABLE IF NOT EXISTS ppg_schema (version int4 NOT NULL)");
  const [row] = await session.all<{ version: number }>("SELECT version FROM ppg_schema");
  const version = row?.version ?? 0;
  if (version > postgresMigrations.length)
    throw new StoreError("STORE_TOO_NEW", `schema ${version} is of a later version`);
  for (const sql of postgresMigrations.slice(version)) await session.all(sql);
  await session.all("DELETE FROM ppg_schema");
  await session.all("INSERT INTO ppg_schema VALUES ($1)", [postgresMigrations.length]);
}
