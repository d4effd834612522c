import type { PostgresDatabase } from "./postgres-database.ts";

/** Not when another node is at it; the file keeps its size, because to shorten it nobody else may use it. */
const clean = "VACUUM (SKIP_LOCKED, TRUNCATE FALSE) queue";

/**
 * Cleans the queue of deliveries that have ended. Their entries stay in the index of what is due until then, and who looks for work
 * steps over each of them; autovacuum comes once a minute at most, after up to some hundred thousand.
 */
export class PostgresVacuum {
  readonly #db: PostgresDatabase;
  readonly #every: number;
  #ended = 0;
  #cleaning = false;

  /** @param every ended deliveries. */
  constructor(db: PostgresDatabase, every: number) {
    this.#db = db;
    this.#every = every;
  }

  /** So many deliveries have left the queue. */
  left(count: number): void {
    this.#ended += count;
    if (this.#ended < this.#every || this.#cleaning) return;
    this.#ended = 0;
    this.#cleaning = true;
    void this.#clean().finally(() => {
      this.#cleaning = false;
    });
  }

  /** When it fails the next one, or autovacuum, does what it left. */
  #clean(): Promise<void> {
    return this.#db.statements((session) => session.run(clean)).catch(() => {});
  }
}
