import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startProcess } from "../../../../test/support/process.ts";
import { pushForms } from "./sqlite-forms.ts";
import { startThread } from "./sqlite-line.ts";
import { SqliteStore } from "./sqlite-store.ts";
import { SqliteThread } from "./sqlite-thread.ts";
import { describeStore } from "./testdata/contract.ts";
import { fillStore, strangersPush } from "./testdata/fill-store.ts";
import { claimAs, outcome, submission, t0, to } from "./testdata/pushes.ts";

const newFolder = (): string => mkdtempSync(join(tmpdir(), "sip-push-ppg-"));

describe("SQLite store", () => {
  describeStore(async () => {
    const folder = newFolder();
    return {
      open: () => SqliteStore.open(folder),
      shared: false,
      childArgs: ["sqlite", folder],
      remove: async () => rmSync(folder, { recursive: true }),
    };
  });
});

describe("SQLite file", () => {
  it("is written to by who checks whether it can be", async () => {
    const store = await SqliteStore.open(folder);
    await store.check();
    const before = statSync(join(folder, "ppg.sqlite-wal"));
    await store.check();
    const after = statSync(join(folder, "ppg.sqlite-wal"));
    expect(after.size).toBeGreaterThan(before.size);
    await store.close();
  });

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

  it("of an earlier version is brought up to date, with all that is in it", async () => {
    const before = await SqliteStore.open(folder);
    await before.submit([submission("p")], t0);
    await before.close();
    const db = new DatabaseSync(join(folder, "ppg.sqlite"));
    for (const column of ["behind", "only_pending", "woken_at"])
      db.exec(`ALTER TABLE deliveries DROP COLUMN ${column}`);
    db.exec(
      "DROP INDEX absent; CREATE INDEX absent ON deliveries (id); CREATE INDEX sleeping ON deliveries (recipient)",
    );
    db.exec("PRAGMA user_version = 1");
    db.close();
    const store = await SqliteStore.open(folder);
    expect(await store.claim(claimAs("n1"))).toMatchObject([{ content: { pushId: "p" }, overtaken: false }]);
    await store.close();
  });

  it("that another process has is refused, and taken over once that one ended", async () => {
    const args = ["--conditions=@sip-push/source", join(import.meta.dirname, "testdata/submit-loop.ts")];
    const child = startProcess({ command: process.execPath, args: [...args, "sqlite", folder, "other"] });
    await child.waitForOutput(/accepted/, 15_000);
    await expect(SqliteStore.open(folder)).rejects.toMatchObject({
      code: "STORE_IN_USE",
      message: expect.stringContaining(folder),
      retryable: true,
    });
    child.killGroup("SIGKILL");
    await child.exited;
    await (await SqliteStore.open(folder)).close();
  });

  it("of a process that was killed is taken over at once: what it delivered and told is due, and nobody waits for its leases", async () => {
    const killed = await SqliteStore.open(folder);
    const push = { notifyUrl: "http://pi.example.com/", recipients: to("alice", "bob") };
    await killed.submit([submission("p", push), submission("later", { deliverAfterMs: t0 + 60_000 })], t0);
    const [first] = await killed.claim(claimAs("killed"));
    if (first === undefined) throw new Error("nothing was claimed");
    await killed.advance([outcome(first)]);
    expect(await killed.claimNotifications(claimAs("killed", t0 + 50))).toHaveLength(1);
    await killed.close();

    const store = await SqliteStore.open(folder);
    expect(await store.claim(claimAs("heir", t0 + 50))).toEqual([]);
    expect(await store.takeOver()).toBe(2);
    expect(await store.takeOver()).toBe(2);
    expect(await store.nextDueAtMs()).toBeLessThanOrEqual(t0);
    const claimed = await store.claim(claimAs("heir"));
    expect(claimed).toMatchObject([
      { wokenFrom: "sending", attempts: 2, callId: expect.not.stringMatching(first.callId) },
    ]);
    const results = await store.claimNotifications(claimAs("heir", t0 + 50));
    expect(results).toMatchObject([{ pushId: "p", sequence: 1, attempts: 2 }]);
    await store.close();
  });

  it("is refused to a second store of the same process", async () => {
    const store = await SqliteStore.open(folder);
    await expect(SqliteStore.open(folder)).rejects.toMatchObject({ code: "STORE_IN_USE" });
    await store.close();
  });

  it("whose thread dies fails the calls under way, and serves the next ones from a new thread", async () => {
    const thread = await SqliteThread.open((listener) =>
      startThread({ directory: folder, lookupInMemory: 1_000 }, listener),
    );
    const submit = (...pushIds: string[]) => {
      const forms = pushForms(
        pushIds.map((pushId) => submission(pushId)),
        new Set(),
      );
      return thread.call("submit", forms, t0, undefined);
    };
    expect(await submit("before")).toMatchObject([{ rejected: null }]);
    const lost = thread.call("countByState");
    await (await thread.line()).terminate();
    await expect(lost).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    expect(await submit("before", "after")).toMatchObject(["duplicate", { rejected: null }]);
    await thread.close();
  });

  it("finds push-ids and recipients also when they have gone from memory into the table", async () => {
    const store = await SqliteStore.open(folder, 1_000);
    const options = { prefix: "m", notifyUrl: null };
    await fillStore(store, 5_000, options);
    const { pushId, recipients } = strangersPush(123, options);
    const twice = await store.submit([strangersPush(123, options)], t0);
    expect(twice).toEqual([{ result: "duplicate" }]);
    const db = store.status({ initiator: "pi", pushId });
    expect((await db)?.deliveries).toHaveLength(1);
    const recipient = recipients[0]?.recipient ?? "";
    const { deliveries } = await store.find({ recipient, limit: 10 });
    expect(deliveries.map((each) => each.pushId)).toEqual([pushId]);
    expect(await store.prune(t0 + 1_000, 1_000_000)).toBe(5_000);
    const reopened = await store.close().then(() => SqliteStore.open(folder));
    const [again] = await reopened.submit([strangersPush(123, options)], t0);
    expect(again).toMatchObject({ result: "accepted" });
    expect(again?.result === "accepted" && again.id).toBeGreaterThan(5_000);
    await reopened.close();
    const file = new DatabaseSync(join(folder, "ppg.sqlite"));
    expect(file.prepare("SELECT count(*) > 5000 AS merged FROM lookup").get()).toEqual({ merged: 1 });
    file.close();
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
