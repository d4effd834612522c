import { PostgresStore, SqliteStore } from "@sip-push/ppg";
import { fillStore as fill } from "../../packages/ppg/src/store/testdata/fill-store.ts";

/** Fills a new store with finished pushes, and closes it. */
export async function fillStore(database: string, dataDirectory: string, count: number): Promise<void> {
  const store = database === "sqlite" ? await SqliteStore.open(dataDirectory) : await PostgresStore.open(database);
  try {
    await fill(store, count, { prefix: "stored", notifyUrl: null });
  } finally {
    await store.close();
  }
}
