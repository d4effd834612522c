import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeWithPeers } from "../../../../test/support/describe-with-peers.ts";
import { PostgresCluster } from "../../../../test/support/postgres-cluster.ts";
import { PostgresStore } from "./postgres-store.ts";
import { describeStore } from "./testdata/contract.ts";
import { claimAs, outcome, pushIds, retryLater, submission, t0 } from "./testdata/pushes.ts";

/** initdb writes some 1,000 files. */
const START_MS = 60_000;

describeWithPeers("PostgreSQL store", ["postgresql"], () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await PostgresCluster.start();
  }, START_MS);
  afterAll(() => cluster.stop(), START_MS);

  describe("does what every store does:", () => {
    describeStore(async () => {
      const url = await cluster.makeDatabase();
      return {
        open: () => PostgresStore.open(url),
        shared: true,
        childArgs: ["postgres", url],
        remove: async () => {},
      };
    });
  });

  it("wakes another node when there is work", async () => {
    const url = await cluster.makeDatabase();
    const [one, other] = await Promise.all([PostgresStore.open(url), PostgresStore.open(url)]);
    const woken = new Promise<void>((resolve) => void other.onWork("deliveries", resolve));
    await one.submit([submission("p")], t0);
    await woken;
    expect(pushIds(await other.claim(claimAs("other")))).toEqual(["p"]);
    await Promise.all([one.close(), other.close()]);
  });

  it("brings an earlier version up to date, with all that is in it, while a node of that version goes on", async () => {
    const url = await cluster.makeDatabase();
    const before = await PostgresStore.open(url);
    await before.submit([submission("p")], t0);
    await before.close();
    const database = new URL(url).pathname.slice(1);
    const columns = ["behind", "only_pending", "woken_at"].map((column) => `DROP COLUMN ${column}`);
    await cluster.query(database, `ALTER TABLE queue ${columns.join(", ")}`);
    await cluster.query(database, "UPDATE ppg_schema SET version = 1");
    const earlier = new pg.Client({ connectionString: url });
    await earlier.connect();
    const look = { name: "look", text: "WITH q AS (SELECT q.* FROM queue q) SELECT id, state FROM q" };
    const { rows } = await earlier.query(look);
    const store = await PostgresStore.open(url);
    expect((await earlier.query(look)).rows).toEqual(rows);
    await earlier.end();
    const claimed = await store.claim(claimAs("n1"));
    expect(claimed).toMatchObject([{ content: { pushId: "p" }, overtaken: false }]);
    // An earlier version lets sleep whoever is busy, too.
    await store.advance(claimed.map((each) => retryLater(each, t0 + 60_000)));
    await cluster.query(database, "UPDATE queue SET sleeper = 'sip:alice@example.com'");
    expect(await store.wake(["sip:alice@example.com"], t0, 0)).toBe(0);
    await store.close();
  });

  it("fails a check while the server takes no changes, as a standby", async () => {
    const url = await cluster.makeDatabase();
    const store = await PostgresStore.open(url);
    await store.check();
    const name = new URL(url).pathname.slice(1);
    const listensAgain = new Promise<void>((resolve) => void store.onWork("deliveries", resolve));
    await cluster.query("postgres", `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
    await cluster.query(
      "postgres",
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
    await listensAgain;
    await expect(store.check()).rejects.toMatchObject({ name: "StoreError" });
    expect(await store.nextDueAtMs()).toBeUndefined();
    await store.close();
  });

  it("goes on after the server has ended its connections, and listens again", async () => {
    const url = await cluster.makeDatabase();
    const store = await PostgresStore.open(url);
    await store.submit([submission("p")], t0);
    const listensAgain = new Promise<void>((resolve) => void store.onWork("deliveries", resolve));
    const name = new URL(url).pathname.slice(1);
    await cluster.query(
      "postgres",
      `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
    await listensAgain;
    expect(pushIds(await store.claim(claimAs("n1")))).toEqual(["p"]);
    await store.close();
  });

  it("says that what was under way is not known to be done when its connection breaks, and goes on", async () => {
    const url = await cluster.makeDatabase();
    const store = await PostgresStore.open(url);
    const other = new pg.Client(url);
    await other.connect();
    await other.query("BEGIN; LOCK TABLE pushes");
    const submitting = store.submit([submission("p")], t0).catch((error: unknown) => error);
    const name = new URL(url).pathname.slice(1);
    const blocked = "SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = ";
    await expect.poll(() => cluster.query("postgres", `${blocked}'${name}'`), { timeout: 10_000 }).toHaveLength(1);
    await cluster.query("postgres", `SELECT pg_terminate_backend(pid, 5000) FROM (${blocked}'${name}') b`);
    expect(await submitting).toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
    await other.end();
    expect(await store.submit([submission("p")], t0)).toMatchObject([{ result: "accepted" }]);
    await store.close();
  });

  it("cleans the queue of what has ended, each time that so much has", async () => {
    const url = await cluster.makeDatabase();
    const store = await PostgresStore.open(url, { vacuumEvery: 3 });
    /** What VACUUM leaves in the catalogue: -1 before the first. */
    const counted = (): Promise<string[]> =>
      cluster.query(new URL(url).pathname.slice(1), "SELECT reltuples FROM pg_class WHERE relname = 'queue'");
    const end = async (pushId: string): Promise<void> => {
      await store.submit([submission(pushId)], t0);
      const [delivery] = await store.claim(claimAs("n1"));
      if (delivery === undefined) throw new Error("nothing to claim");
      expect(await store.advance([outcome(delivery)])).toMatchObject([{ result: "done" }]);
    };
    await end("p1");
    await end("p2");
    expect(await counted()).toEqual(["-1"]);
    await end("p3");
    // Closing waits for it.
    await store.close();
    expect(await counted()).toEqual(["0"]);
  });

  it("of a later version is not touched", async () => {
    const url = await cluster.makeDatabase();
    const store = await PostgresStore.open(url);
    await store.close();
    await cluster.query(new URL(url).pathname.slice(1), "UPDATE ppg_schema SET version = 999");
    await expect(PostgresStore.open(url)).rejects.toMatchObject({ code: "STORE_TOO_NEW", retryable: false });
  });

  it("that does not answer is a StoreError", async () => {
    const nobody = PostgresStore.open("postgres://ppg@127.0.0.1:1/none");
    await expect(nobody).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true });
  });
});
