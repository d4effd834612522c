import { type Clock, Pending } from "@sip-push/sip";
import pg from "pg";
import { StoreError, storeErrorOf } from "./errors.ts";
import { PostgresNotifier } from "./postgres-notifier.ts";
import { sessionSettings } from "./postgres-plans.ts";
import { answersAnew } from "./postgres-probe.ts";
import { PostgresPulse } from "./postgres-pulse.ts";
import { postgresMigrations } from "./postgres-schema.ts";
import { PostgresSockets } from "./postgres-sockets.ts";
import type { TakenBackListener } from "./store.ts";
import type { TakenBack, WorkKind } from "./types.ts";

/** Any number that no other program locks in this database. */
const MIGRATION_LOCK = 7_297_001;
const CONNECT_TIMEOUT_MS = 5_000;
/** A statement that takes longer is ended by the server; one that the server does not answer, by us. */
const STATEMENT_TIMEOUT_MS = 30_000;
const NO_ANSWER_MS = 40_000;
/** A node that stands still within a transaction keeps others waiting for what it has locked; steps of ours follow in milliseconds. */
const IDLE_IN_TRANSACTION_MS = 4_000;
const MAX_TRIES = 10;
/** Serialization failure, deadlock: the transaction was undone, and may do better now. */
const AGAIN = new Set(["40001", "40P01"]);

/** Times and ids are far below 2^53. */
const types: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format)),
};

/** Names of prepared statements, by text: each connection parses a statement once. */
const names = new Map<string, string>();
function nameOf(sql: string): string {
  const known = names.get(sql);
  if (known !== undefined) return known;
  const name = `ppg${names.size}`;
  names.set(sql, name);
  return name;
}

/** A connection, perhaps inside a transaction. */
export class PostgresSession {
  readonly #client: pg.PoolClient;
  readonly #heard: () => void;
  readonly worked: Set<WorkKind> = new Set();
  readonly takenBack: TakenBack[] = [];

  /** @param heard the server has answered. */
  constructor(client: pg.PoolClient, heard: () => void) {
    this.#client = client;
    this.#heard = heard;
  }

  /** One of a closed set of statements: it stays prepared. */
  async all<Row>(sql: string, values: readonly unknown[] = []): Promise<Row[]> {
    const { rows } = await this.#client.query({ name: nameOf(sql), text: sql, values: [...values] });
    this.#heard();
    return rows as Row[];
  }

  /** Any number of statements, without results. */
  async run(sql: string): Promise<void> {
    await this.#client.query(sql);
    this.#heard();
  }

  /** When this is committed, all nodes are told that there is such work. */
  announceWork(kind: WorkKind): void {
    this.worked.add(kind);
  }

  /** When this is committed, that is to be told. */
  announceTakenBack(taken: readonly TakenBack[]): void {
    this.takenBack.push(...taken);
  }
}

export interface PostgresDatabaseOptions {
  /** Connections for calls; one more listens. */
  readonly maxConnections: number;
  readonly clock: Clock;
}

/** A pool of connections, and the wake-up that nodes send each other. What one statement may take is by pg's own timers. */
export class PostgresDatabase {
  readonly #pool: pg.Pool;
  readonly #notifier: PostgresNotifier;
  readonly #clock: Clock;
  readonly #sockets = new PostgresSockets();
  readonly #pulse: PostgresPulse;
  readonly #running = new Pending();
  readonly #takenBackListeners = new Set<TakenBackListener>();
  #closing: Promise<void> | undefined;

  private constructor(connectionString: string, { maxConnections, clock }: PostgresDatabaseOptions) {
    this.#clock = clock;
    const settings = {
      connectionString,
      stream: this.#sockets.stream,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      statement_timeout: STATEMENT_TIMEOUT_MS,
      idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
      query_timeout: NO_ANSWER_MS,
    };
    this.#pool = new pg.Pool({ ...settings, max: maxConnections, types, verify: prepare });
    // A connection that broke while nobody used it: the pool has dropped it, and the next call opens another.
    this.#pool.on("error", () => {});
    // One that breaks in use says so by its statement, or by the next; without a listener it would end the process besides.
    this.#pool.on("connect", (client) => void client.on("error", () => {}));
    this.#notifier = new PostgresNotifier(settings, clock);
    this.#pulse = new PostgresPulse({
      clock,
      ask: (signal) => answersAnew(settings, this.#sockets, signal),
      // As when the server crashes: what was under way is not known to be done.
      onSilent: () => this.#sockets.destroy(),
    });
  }

  static async open(connectionString: string, options: PostgresDatabaseOptions): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(connectionString, options);
    try {
      await database.transaction(migrate);
      await database.#notifier.start();
      return database;
    } catch (error) {
      await database.close();
      throw storeErrorOf(error);
    }
  }

  /** Runs `work` in a transaction; again from the start when it lost against another one. */
  transaction<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.#perform(async (session) => {
      await session.run("BEGIN");
      const result = await work(session);
      await session.run("COMMIT");
      return result;
    });
  }

  /** Runs `work` whose statements are each a transaction by itself. Only its first may write. */
  statements<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    return this.#perform(work);
  }

  onWork(of: WorkKind, listener: () => void): () => void {
    return this.#notifier.onWork(of, listener);
  }

  onTakenBack(listener: TakenBackListener): () => void {
    this.#takenBackListeners.add(listener);
    return () => void this.#takenBackListeners.delete(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #perform<T>(work: (session: PostgresSession) => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) return Promise.reject(new StoreError("STORE_CLOSED", "the store is closed"));
    if (this.#pulse.silent) return Promise.reject(new StoreError("STORE_UNAVAILABLE", "the server does not answer"));
    this.#pulse.began();
    return this.#running.add(this.#try(work, 1).finally(() => this.#pulse.ended()));
  }

  async #try<T>(work: (session: PostgresSession) => Promise<T>, tries: number): Promise<T> {
    let client: pg.PoolClient | undefined;
    try {
      client = await this.#pool.connect();
      const session = new PostgresSession(client, () => this.#pulse.heard());
      const result = await work(session);
      client.release();
      if (session.worked.size > 0) this.#notifier.announce(session.worked);
      if (session.takenBack.length > 0) for (const listener of this.#takenBackListeners) listener(session.takenBack);
      return result;
    } catch (error) {
      const isAnswer = error instanceof pg.DatabaseError;
      if (isAnswer) this.#pulse.heard();
      // A connection that cannot even roll back is not used again; one that has said nothing is not asked to.
      client?.release(!(isAnswer && (await isUndone(client))));
      if (AGAIN.has(codeOf(error)) && tries < MAX_TRIES) return this.#try(work, tries + 1);
      throw errorOf(error);
    }
  }

  async #close(): Promise<void> {
    await this.#running.none();
    this.#pulse.close();
    await this.#sockets.goodbye(this.#clock, async () => {
      await this.#notifier.close();
      await this.#pool.end();
    });
  }
}

function isUndone(client: pg.PoolClient): Promise<boolean> {
  return client.query("ROLLBACK").then(
    () => true,
    () => false,
  );
}

/** SQLSTATE class 22: a value that the database does not take, such as text with a NUL. Nobody is to try that again. */
function errorOf(error: unknown): StoreError {
  if (!codeOf(error).startsWith("22")) return storeErrorOf(error);
  return new StoreError("STORE_BAD_INPUT", error instanceof Error ? error.message : "", { cause: error });
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

/** Of a new connection, before it is used. */
function prepare(client: pg.PoolClient, done: (error?: Error) => void): void {
  client.query(sessionSettings, (error: Error | null) => done(error ?? undefined));
}

async function migrate(session: PostgresSession): Promise<void> {
  await session.run(`SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`);
  await session.run("CREATE TABLE IF NOT EXISTS ppg_schema (version int4 NOT NULL)");
  const [row] = await session.all<{ version: number }>("SELECT version FROM ppg_schema");
  const version = row?.version ?? 0;
  if (version > postgresMigrations.length)
    throw new StoreError("STORE_TOO_NEW", `schema ${version} is of a later version`);
  for (const sql of postgresMigrations.slice(version)) await session.run(sql);
  await session.run("DELETE FROM ppg_schema");
  await session.all("INSERT INTO ppg_schema VALUES ($1)", [postgresMigrations.length]);
}
