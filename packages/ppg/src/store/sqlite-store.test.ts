import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SqliteStore } from "./sqlite-store.ts";
import { describeStore } from "./testdata/contract.ts";
import { claimAs, outcome, submission, t0 } from "./testdata/pushes.ts";

const newFolder = (): string => mkdtempSync(join(tmpdir(), "sip-push-ppg-"));

describe("SQLite store", () => {
  describeStore(async () => {
    const folder = newFolder();
    return {
      open: () => SqliteStore.open(folder),
      childArgs: ["sqlite", folder],
      remove: async () => rmSync(folder, { recursive: true }),
    };
  });
});

describe("SQLite file", () => {
  let folder: string;
  beforeEach(() => {
    folder = newFolder();
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("is made in a directory for its owner only", async () => {
    const directory = join(folder, "a", "b");
    const store = await SqliteStore.open(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    await store.close();
  });

  it("of a later version is not touched", async () => {
    const path = join(folder, "ppg.sqlite");
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 999");
    db.close();
    await expect(SqliteStore.open(folder)).rejects.toMatchObject({ code: "STORE_TOO_NEW", retryable: false });
  });

  it("that cannot be opened is a StoreError", async () => {
    writeFileSync(join(folder, "ppg.sqlite"), "this is no database, and long enough to be seen as such. ".repeat(40));
    await expect(SqliteStore.open(folder)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
  });

  it("claims through the index of what is due, whatever is finished (no table is scanned, nothing is sorted)", async () => {
    const store = await SqliteStore.open(folder);
    await store.submit(
      Array.from({ length: 50 }, (_, index) => submission(`p${index}`)),
      t0,
    );
    await store.advance((await store.claim(claimAs("n1"))).map((each) => outcome(each)));
    await store.close();
    const db = new DatabaseSync(join(folder, "ppg.sqlite"));
    const plan = db
      .prepare(
        "EXPLAIN QUERY PLAN SELECT * FROM deliveries WHERE priority = 1 AND due_at <= ? ORDER BY due_at, id LIMIT ?",
      )
      .all(0, 1) as { detail: string }[];
    expect(plan.map(({ detail }) => detail)).toEqual(["SEARCH deliveries USING INDEX due (priority=? AND due_at<?)"]);
    expect(db.prepare("SELECT count(*) AS n FROM deliveries WHERE due_at IS NOT NULL").get()).toMatchObject({ n: 0 });
    db.close();
  });
});
