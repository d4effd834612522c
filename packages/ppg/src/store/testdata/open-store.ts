import { PostgresStore } from "../postgres-store.ts";
import { SqliteStore } from "../sqlite-store.ts";
import type { PpgStore } from "../store.ts";

const kinds: Readonly<Record<string, (where: string) => Promise<PpgStore>>> = {
  sqlite: (directory) => SqliteStore.open(directory),
  postgres: (connectionString) => PostgresStore.open(connectionString),
};

/** The store that arguments of a command line name. */
export function openStore(kind: string, where: string): Promise<PpgStore> {
  const open = kinds[kind];
  if (open === undefined) throw new Error(`no store is called ${kind}`);
  return open(where);
}
