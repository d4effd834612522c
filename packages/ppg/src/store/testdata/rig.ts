import { afterEach, beforeEach } from "vitest";
import type { PpgStore } from "../store.ts";

/** An empty database that several stores can be opened on. */
export interface TestDatabase {
  open(): Promise<PpgStore>;
  /** Whether several stores may have it open at the same time. */
  readonly shared: boolean;
  /** What a child process needs to open it: arguments of `submit-loop.ts`. */
  readonly childArgs: readonly string[];
  remove(): Promise<void>;
}

export type MakeDatabase = () => Promise<TestDatabase>;

/** A fresh database for each test, with a store on it; all that was opened is closed afterwards. */
export class StoreRig {
  #database: TestDatabase | undefined;
  #stores: PpgStore[] = [];

  constructor(make: MakeDatabase) {
    beforeEach(async () => {
      this.#database = await make();
      await this.open();
    });
    afterEach(async () => {
      await Promise.all(this.#stores.map((store) => store.close()));
      this.#stores = [];
      await this.#database?.remove();
      this.#database = undefined;
    });
  }

  get database(): TestDatabase {
    if (this.#database === undefined) throw new Error("outside of a test");
    return this.#database;
  }

  /** The first store that the test opened since the last `reopen`. */
  get store(): PpgStore {
    const [store] = this.#stores;
    if (store === undefined) throw new Error("outside of a test");
    return store;
  }

  async open(): Promise<PpgStore> {
    const store = await this.database.open();
    this.#stores.push(store);
    return store;
  }

  /** One more store on the database, or the same where it is for one only. */
  async another(): Promise<PpgStore> {
    return this.database.shared ? this.open() : this.store;
  }

  async closeAll(): Promise<void> {
    await Promise.all(this.#stores.map((store) => store.close()));
    this.#stores = [];
  }

  /** Closes all and opens one again. */
  async reopen(): Promise<PpgStore> {
    await this.closeAll();
    return this.open();
  }
}
