import { VirtualClock } from "@sip-push/sip/testing";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { describeWithPeers } from "../../../../test/support/describe-with-peers.ts";
import { PostgresCluster } from "../../../../test/support/postgres-cluster.ts";
import { PostgresStore } from "./postgres-store.ts";
import { claimAs, pushIds, submission, t0 } from "./testdata/pushes.ts";
import type { WorkKind } from "./types.ts";

const LISTEN_AGAIN_MS = 1_000;
const ANSWER_MS = 10_000;
const GOODBYE_MS = 1_000;
/** After the last statement has been answered. */
const CALM_MS = 3_000;

describeWithPeers("two nodes of which one loses the connection that it listens on", ["postgresql"], () => {
  let cluster: PostgresCluster;
  beforeAll(async () => {
    cluster = await PostgresCluster.start();
  });
  afterAll(() => cluster.stop());

  /** Time of the one that loses it. */
  let clock: VirtualClock;
  let one: PostgresStore;
  let other: PostgresStore;
  /** Of {@link one}, at the server. */
  let listening: number;
  let database: string;
  let connections: number;
  let sockets: number;

  beforeEach(async () => {
    const url = await cluster.makeDatabase();
    database = new URL(url).pathname.slice(1);
    clock = new VirtualClock();
    one = await PostgresStore.open(url, { clock });
    listening = Number((await ask("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND")).join());
    other = await PostgresStore.open(url);
    await clock.advance(CALM_MS);
    expect(clock.pendingTimers).toBe(0);
    [connections, sockets] = [await countConnections(), countSockets()];
  });
  afterEach(async () => {
    cluster.thaw();
    await Promise.all([one.close(), other.close()]);
    // The server notices after us.
    await expect.poll(countConnections).toBe(0);
  });

  const ask = (sql: string): Promise<string[]> => cluster.query("postgres", `${sql} datname = '${database}'`);
  const countConnections = async (): Promise<number> =>
    Number(await ask("SELECT count(*) FROM pg_stat_activity WHERE").then((rows) => rows.join()));
  const countSockets = (): number => process.getActiveResourcesInfo().filter((each) => each === "TCPSocketWrap").length;

  const terminate = (): Promise<string[]> =>
    cluster.query("postgres", `SELECT pg_terminate_backend(${listening}, 5000)`);

  /** Nothing is left but that wait. */
  async function waitsToListenAgain(): Promise<void> {
    await expect.poll(() => clock.pendingTimers).toBe(1);
  }

  function news(store: PostgresStore, of: WorkKind = "deliveries"): Promise<void> {
    return new Promise((resolve) => void store.onWork(of, resolve));
  }

  /** Neither it nor the server has more than before. */
  async function nothingLeft(): Promise<void> {
    cluster.thaw();
    await expect.poll(async () => [await countConnections(), countSockets()]).toEqual([connections, sockets]);
  }

  it("looks for all that the other one did meanwhile", async () => {
    let told = 0;
    one.onWork("deliveries", () => void told++);
    await terminate();
    await waitsToListenAgain();
    await other.submit([submission("p1")], t0);
    // It has told whoever listens when it is closed.
    await other.close();
    expect(told).toBe(0);
    const all = Promise.all([news(one, "deliveries"), news(one, "results")]);
    await clock.advance(LISTEN_AGAIN_MS);
    await all;
    expect(pushIds(await one.claim(claimAs("n1")))).toEqual(["p1"]);
  });

  it("tells the other one afterwards what it did meanwhile", async () => {
    await terminate();
    await waitsToListenAgain();
    await one.submit([submission("p1")], t0);
    const told = news(other);
    await clock.advance(LISTEN_AGAIN_MS);
    await told;
    expect(pushIds(await other.claim(claimAs("n2")))).toEqual(["p1"]);
    await nothingLeft();
  });

  it("gives it up when a NOTIFY has no answer, and goes on with another", async () => {
    cluster.freezeProcess(listening);
    await one.submit([submission("p1")], t0);
    await clock.advance(ANSWER_MS - 1);
    expect(countSockets()).toBe(sockets);
    await clock.advance(1);
    await waitsToListenAgain();
    const all = Promise.all([news(one, "deliveries"), news(one, "results"), news(other)]);
    await clock.advance(LISTEN_AGAIN_MS);
    await all;
    const again = news(one);
    await other.submit([submission("p2")], t0);
    await again;
    expect(pushIds(await one.claim(claimAs("n1")))).toEqual(["p1", "p2"]);
    await nothingLeft();
  });

  it("closes although a NOTIFY has no answer", async () => {
    cluster.freezeProcess(listening);
    await one.submit([submission("p1")], t0);
    const closed = one.close();
    await clock.advance(GOODBYE_MS);
    await closed;
    expect(clock.pendingTimers).toBe(0);
  });

  it("closes while it waits to listen again", async () => {
    await terminate();
    await waitsToListenAgain();
    await one.close();
    expect(clock.pendingTimers).toBe(0);
  });

  it("tries again each second while the server is away", async () => {
    await cluster.crash();
    for (let tries = 0; tries < 3; tries++) {
      await waitsToListenAgain();
      await clock.advance(LISTEN_AGAIN_MS);
    }
    await waitsToListenAgain();
    await cluster.restart();
    const told = news(one);
    await clock.advance(LISTEN_AGAIN_MS);
    await told;
    await one.submit([submission("p1")], t0);
    expect(pushIds(await one.claim(claimAs("n1")))).toEqual(["p1"]);
  });
});
