import type { Clock, Logger } from "@sip-push/sip";
import type { PpgConfig } from "../config/types.ts";
import { StoreError } from "../store/errors.ts";
import { PostgresStore } from "../store/postgres-store.ts";
import { SqliteStore } from "../store/sqlite-store.ts";
import type { PpgStore } from "../store/store.ts";

const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 5_000;

export interface OpenStoreOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gives up waiting. */
  readonly signal: AbortSignal | undefined;
  /** How one attempt is made; default: as configured. */
  readonly open?: () => Promise<PpgStore>;
}

/**
 * Opens the configured database. A server that does not answer is waited for: after a restart of everything it may well come up
 * last.
 *
 * @throws {StoreError} as the stores do; `STORE_UNAVAILABLE` after `databaseWaitSeconds`, or when `signal` says so.
 */
export async function openStore(
  config: Pick<PpgConfig, "database" | "databaseWaitSeconds" | "dataDirectory">,
  { clock, logger, signal, open = () => openOnce(config, clock) }: OpenStoreOptions,
): Promise<PpgStore> {
  const waits = config.database.kind === "postgres";
  const deadlineMs = clock.now() + config.databaseWaitSeconds * 1_000;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, MAX_PAUSE_MS)) {
    try {
      return await open();
    } catch (error) {
      const mayCome = error instanceof StoreError && error.code === "STORE_UNAVAILABLE" && waits;
      const leftMs = deadlineMs - clock.now();
      if (!mayCome || leftMs <= 0 || isAborted(signal)) throw error;
      logger.warn(
        { problem: error.message, secondsLeft: Math.ceil(leftMs / 1_000) },
        "the database does not answer; trying again",
      );
      await pause(clock, Math.min(pauseMs, leftMs), signal);
      if (isAborted(signal)) throw error;
    }
  }
}

function openOnce(
  { database, dataDirectory }: Pick<PpgConfig, "database" | "dataDirectory">,
  clock: Clock,
): Promise<PpgStore> {
  if (database.kind === "sqlite") return openSqlite(dataDirectory);
  return PostgresStore.open(database.url, { maxConnections: database.maxConnections, clock });
}

async function openSqlite(directory: string): Promise<PpgStore> {
  const store = await SqliteStore.open(directory);
  try {
    await store.takeOver();
    return store;
  } catch (error) {
    await store.close();
    throw error;
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** Ends early, and without a word, when the signal says so. */
function pause(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = clock.schedule(ms, resolve);
  signal?.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => timer.cancel());
}
