import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWithPeers } from "../../../../test/support/describe-with-peers.ts";
import { PostgresCluster } from "../../../../test/support/postgres-cluster.ts";
import { PostgresStore } from "./postgres-store.ts";
import { claimAs, leaseOf, outcome, retryLater, submission, t0, to } from "./testdata/pushes.ts";
import type { ClaimedDelivery, DeliveryAdvance, DeliveryQuery, NotificationVerdict, PushSubmission } from "./types.ts";

/** initdb writes some 1,000 files. */
const START_MS = 60_000;
const TABLES = ["pushes", "deliveries", "queue", "progress", "failures", "results"];
const PUSHES = 8_000;
const BATCH = 20;
/** Rows of one table that an operation on {@link BATCH} deliveries may read: each a few times, and no more however many there are. */
const FEW = 8 * BATCH;
/** A statement is planned anew five times; the plan that is made then is kept. */
const ROUNDS = 8;

/** A push to one user each. */
function pushes(ids: readonly string[], changes: Partial<PushSubmission> = {}): PushSubmission[] {
  const notifyUrl = "https://pi.example.test/";
  return ids.map((id) => submission(id, { recipients: to(`user-${id}`), notifyUrl, ...changes }));
}

const some = (count: number, tag: string): string[] => Array.from({ length: count }, (_, n) => `${tag}${n}`);

const absent = (claimed: ClaimedDelivery): DeliveryAdvance =>
  outcome(claimed, { to: "retry-wait", dueAtMs: t0 + 600_000, sipStatus: 480, papCode: 5028, reason: "not here" });

const claim = (store: PostgresStore) => store.claim(claimAs("n2", t0, BATCH));
const claimResults = (store: PostgresStore) => store.claimNotifications(claimAs("n2", t0 + 1_000, BATCH));
const told = async (store: PostgresStore): Promise<NotificationVerdict[]> =>
  (await claimResults(store)).map((notification) => ({ notification, verdict: "accepted", atMs: t0 + 2_000 }));

/** With pushes that are there and due. */
type Operation = (store: PostgresStore, ids: readonly string[]) => Promise<unknown>;

const operations: Readonly<Record<string, Operation>> = {
  cancel: (store, [, pushId = ""]) => store.cancel({ initiator: "pi", pushId }, t0),
  status: (store, [, , pushId = ""]) => store.status({ initiator: "pi", pushId }),
  wake: (store, ids) =>
    store.wake(
      ids.map((id) => `sip:user-${id}@example.com`),
      t0,
      60_000,
    ),
  submit: (store, [id]) => store.submit(pushes(some(BATCH, `${id}-`)), t0),
  "submit in place of another": (store, [id = ""]) =>
    store.submit(pushes([`${id}-new`], { recipients: to(`user-${id}`), replace: { pushId: id, method: "all" } }), t0),
  "submit in place of one that is being sent": async (store, [id = ""]) => {
    const sent = (await claim(store))[0]?.content.pushId ?? "";
    const [recipient] = pushes([sent])[0]?.recipients ?? [];
    if (recipient === undefined) throw new Error("nothing is sent");
    const replace = { pushId: sent, method: "pending-only" } as const;
    await store.submit(pushes([`${id}-behind`], { recipients: [recipient], replace, priority: "high" }), t0);
    await claim(store);
  },
  "submit with a bad address": (store, [id]) => {
    const recipients = to("x").map((each) => ({ ...each, rejected: { papCode: 2002, reason: "bad" } }));
    return store.submit(pushes([`${id}-bad`], { recipients }), t0);
  },
  claim,
  advance: async (store) => store.advance((await claim(store)).map((each) => outcome(each))),
  "advance to another try": async (store) =>
    store.advance((await claim(store)).map((each) => retryLater(each, t0 + 60_000))),
  "advance to a wait": async (store) => store.advance((await claim(store)).map(absent)),
  renew: async (store) => store.renew((await claim(store)).map(leaseOf), t0 + 60_000),
  release: async (store) => store.release((await claim(store)).map(leaseOf), t0),
  "next due": (store) => store.nextDueAtMs(),
  timeline: (store) => store.timeline(1),
  delivery: (store) => store.delivery(1),
  "claim results": claimResults,
  "settle results": async (store) => store.settleNotifications(await told(store)),
  "results of a push": (store) => store.notificationsOf(1),
  prune: (store) => store.prune(t0 + 3_000, BATCH),
};

type Question = Partial<DeliveryQuery>;
const filters: readonly (readonly [name: string, ask: (id: string) => Question])[] = [
  ["anything", () => ({})],
  ["push-id", (pushId) => ({ pushId })],
  ["recipient", (id) => ({ recipient: `sip:user-${id}@example.com` })],
  ["initiator", () => ({ initiator: "pi" })],
  ["pending", () => ({ state: "pending" })],
  ["undeliverable", () => ({ state: "undeliverable" })],
];
/** What the console asks: without a filter, with each alone, with each two of them. */
const questions = filters.flatMap(([one, first], index) =>
  filters.slice(index).map(([two, second]) => ({
    name: one === two ? one : `${one} and ${two}`,
    ask: (id: string): Question => ({ ...first(id), ...second(id) }),
  })),
);
/** Newest first: the ids of the last pages are those of the oldest deliveries, which are not pending any more. */
const pages: Readonly<Record<string, Question>> = { first: {}, later: { after: PUSHES - BATCH } };

/** Some of each kind: due, waiting for a registration, ended well or not, results to be told. */
async function fill(store: PostgresStore): Promise<void> {
  await store.submit(pushes(some(PUSHES, "p")), t0);
  const ends = [outcome, absent, outcome, (each: ClaimedDelivery) => outcome(each, { to: "undeliverable" })];
  for (const end of ends) {
    const claimed = await store.claim(claimAs("n1", t0, PUSHES / 8));
    await store.advance(claimed.map((each) => end(each)));
  }
}

/** Ends all that is due. */
async function finish(store: PostgresStore): Promise<void> {
  const claimed = await store.claim(claimAs("n3", t0 + 3_600_000, 1_000));
  await store.advance(claimed.map((each) => outcome(each)));
}

describeWithPeers("statements to PostgreSQL, which takes all tables for empty", ["postgresql"], () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await PostgresCluster.start();
  }, START_MS);
  afterAll(() => cluster.stop(), START_MS);

  const query = (url: string, sql: string): Promise<string[]> => cluster.query(new URL(url).pathname.slice(1), sql);

  /** A database whose tables were vacuumed when they were empty, and are not again. */
  async function takenForEmpty(): Promise<string> {
    const url = await cluster.makeDatabase();
    await (await PostgresStore.open(url)).close();
    for (const table of TABLES) await query(url, `ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
    await query(url, `VACUUM ANALYZE ${TABLES.join(", ")}`);
    return url;
  }

  /** Rows read of each table so far. Sessions have to have ended for all to be counted. */
  async function rowsRead(url: string): Promise<Map<string, number>> {
    const sql = "SELECT relname, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables";
    const rows = (await query(url, sql)).map((row) => row.split("|"));
    return new Map(rows.map(([table = "", read]) => [table, Number(read)]));
  }

  async function readWhile(url: string, act: () => Promise<unknown>): Promise<[table: string, rows: number][]> {
    const before = await rowsRead(url);
    await act();
    const after = await rowsRead(url);
    return TABLES.map((table) => [table, (after.get(table) ?? 0) - (before.get(table) ?? 0)]);
  }

  it("read what they are about, and not the whole table, planned while it is full", async () => {
    const url = await takenForEmpty();
    const filled = await PostgresStore.open(url);
    await fill(filled);
    await filled.close();
    expect(await query(url, "SELECT reltuples FROM pg_class WHERE relname = 'queue'")).toEqual(["0"]);
    expect(await query(url, "SELECT count(*) FROM queue")).toEqual([`${(PUSHES / 8) * 5}`]);
    const ids = some(PUSHES, "p").slice(-4);
    const tooMany: unknown[] = [];
    for (const [name, operate] of Object.entries(operations)) {
      const read = await readWhile(url, async () => {
        const store = await PostgresStore.open(url);
        await operate(store, ids);
        await store.close();
      });
      for (const [table, rows] of read) if (rows > FEW) tooMany.push([name, table, rows]);
    }
    expect(tooMany).toEqual([]);
  });

  it("read what they are about, and not the whole table, planned while it was empty", async () => {
    const url = await takenForEmpty();
    const store = await PostgresStore.open(url, { maxConnections: 1 });
    for (const [index, operate] of Object.values(operations).entries()) {
      for (let round = 0; round < ROUNDS; round++) {
        const ids = some(3, `w${index}-${round}-`);
        await store.submit(pushes(ids), t0);
        await operate(store, ids);
        await finish(store);
      }
    }
    const other = await PostgresStore.open(url);
    await fill(other);
    await other.close();
    const ids = some(PUSHES, "p").slice(-4);
    const read = await readWhile(url, async () => {
      for (const operate of Object.values(operations)) await operate(store, ids);
      await store.close();
    });
    const most = Object.keys(operations).length * FEW;
    expect(most).toBeLessThan((PUSHES / 8) * 4);
    expect(read.filter(([, rows]) => rows > most)).toEqual([]);
  });

  it(
    "look for deliveries among few, whatever is asked, planned while it is full and while it was empty",
    async () => {
      const url = await takenForEmpty();
      const store = await PostgresStore.open(url, { maxConnections: 1 });
      const all = questions.flatMap((question) =>
        Object.entries(pages).map(([name, page]) => ({ question, name, page })),
      );
      for (const { question, page } of all)
        for (let round = 0; round < ROUNDS; round++)
          await store.find({ ...question.ask("none"), ...page, limit: BATCH });
      const other = await PostgresStore.open(url);
      await fill(other);
      await other.close();
      const id = `p${PUSHES - 2 * BATCH}`;
      const tooMany: unknown[] = [];
      for (const { question, name, page } of all) {
        const read = await readWhile(url, async () => {
          const fresh = await PostgresStore.open(url);
          await fresh.find({ ...question.ask(id), ...page, limit: BATCH });
          await fresh.close();
        });
        for (const [table, rows] of read) if (rows > FEW) tooMany.push([question.name, name, table, rows]);
      }
      const none = await readWhile(url, async () => {
        const fresh = await PostgresStore.open(url);
        expect((await fresh.find({ state: "sending", limit: BATCH })).deliveries).toEqual([]);
        await fresh.close();
      });
      const most = { queue: (PUSHES / 8) * 5 + FEW };
      for (const [table, rows] of none)
        if (rows > (table in most ? most.queue : FEW)) tooMany.push(["sending, which none is", table, rows]);
      const read = await readWhile(url, async () => {
        for (const { question, page } of all) await store.find({ ...question.ask(id), ...page, limit: BATCH });
        await store.close();
      });
      expect(all.length * FEW).toBeLessThan(PUSHES);
      for (const [table, rows] of read)
        if (rows > all.length * FEW) tooMany.push(["planned while it was empty", table, rows]);
      expect(tooMany).toEqual([]);
    },
    START_MS,
  );
});
