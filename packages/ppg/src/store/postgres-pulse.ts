import { setImmediate } from "node:timers/promises";
import pg from "pg";

/** Statements wait, and no connection brings anything: after so long a new one is tried; so long may each of its steps take. */
const QUIET_MS = 3_000;
const PROBE_MS = 3_000;
/** While it is silent, it is tried again so soon. */
const AGAIN_MS = 1_000;

/**
 * Whether the server says anything at all. One that stands still, or that the network does not lead to any more, breaks no connection:
 * statements would wait for their own ends, and all that comes behind them. A long statement is not mistaken for that, because the
 * server takes new connections meanwhile.
 */
export class PostgresPulse {
  readonly #settings: pg.ClientConfig;
  readonly #onSilent: () => void;
  #waiting = 0;
  /** Something, since somebody asked last. */
  #heard = true;
  #quietSinceMs = 0;
  #timer: NodeJS.Timeout | undefined;
  #probing = false;
  #silent = false;
  #closed = false;

  /** @param onSilent what waits is to be given up. */
  constructor(settings: pg.ClientConfig, onSilent: () => void) {
    this.#settings = { ...settings, connectionTimeoutMillis: PROBE_MS, query_timeout: PROBE_MS };
    this.#onSilent = onSilent;
  }

  /** Nothing that is asked now has an answer to hope for. */
  get silent(): boolean {
    return this.#silent;
  }

  /** Somebody waits for the server, until {@link ended}. */
  began(): void {
    // Who waited before, and gave up, still counts.
    if (this.#waiting === 0 && this.#heard) this.#quietSinceMs = performance.now();
    this.#waiting++;
    this.#heard = false;
    if (this.#timer === undefined && !this.#probing) this.#lookIn(QUIET_MS);
  }

  ended(): void {
    this.#waiting--;
  }

  /** The server said something. */
  heard(): void {
    this.#quietSinceMs = performance.now();
    this.#heard = true;
    this.#silent = false;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #lookIn(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => this.#look(), ms);
    this.#timer.unref();
  }

  #look(): void {
    this.#timer = undefined;
    if (this.#waiting === 0 && this.#heard) return;
    const leftMs = this.#silent ? 0 : this.#quietSinceMs + QUIET_MS - performance.now();
    if (leftMs > 0) this.#lookIn(leftMs);
    else void this.#probe();
  }

  /** Never rejects. */
  async #probe(): Promise<void> {
    const askedAtMs = performance.now();
    this.#probing = true;
    const answers = await connects(this.#settings);
    // What came while this process itself stood still is read before: it is an answer as well.
    if (!answers) await setImmediate();
    this.#probing = false;
    if (this.#closed) return;
    if (answers) this.heard();
    else if (this.#quietSinceMs < askedAtMs && !this.#silent) {
      this.#silent = true;
      this.#onSilent();
    }
    this.#lookIn(this.#silent ? AGAIN_MS : QUIET_MS);
  }
}

/** Whether the server answers on a new connection, be it with a refusal. Never rejects. */
async function connects(settings: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client(settings);
  client.on("error", () => {});
  try {
    await client.connect();
    // What stands between may take connections by itself.
    await client.query("SELECT 1");
    return true;
  } catch (error) {
    return error instanceof pg.DatabaseError;
  } finally {
    void client.end().catch(() => {});
  }
}
