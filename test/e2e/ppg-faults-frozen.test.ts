import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { newPushId, PushInitiator } from "@sip-push/initiator";
import { PostgresStore } from "@sip-push/ppg";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { PostgresCluster } from "../support/postgres-cluster.ts";
import { PPG_PASSWORD, type PpgNode } from "../support/ppg-node.ts";
import { PpgRig, seeded, sometimesConfirmed } from "../support/ppg-rig.ts";

/** Of deliveries at the rig's gateways, and a little. */
const LEASE_OVER_MS = 5_500;
/** What got lost meanwhile is not waited for longer: reports, and results that nobody knows to be claimed, which take six times that. */
const SETTINGS = {
  delivery: { reportTimeoutSeconds: 5 },
  results: { timeoutSeconds: 1, retry: { initialSeconds: 0.2, maxSeconds: 2 } },
  shutdownSeconds: 1,
};
/** Results told before something stands still. */
const MAX_EVENTS = 200;
/** Submissions that are refused meanwhile: so many only when each is told at once. */
const REFUSED = 60;
/** initdb writes some 1,000 files. */
const HOOK_MS = 60_000;
const EVENTS_MS = 60_000;
const SETTLED_MS = 120_000;
/** Leases of deliveries and results, and what a node has locked that stands still. */
const TAKEN_OVER_MS = 25_000;

describeWithPeers("two gateways of which something stands still under load", ["postgresql"], () => {
  const seed = randomInt(2 ** 31);
  const random = seeded(seed);
  let cluster: PostgresCluster;
  let rig: PpgRig;
  beforeEach(async () => {
    [cluster, rig] = await Promise.all([PostgresCluster.start(), PpgRig.open()]);
  }, HOOK_MS);
  afterEach(async () => {
    cluster.thaw();
    await rig.close();
    await cluster.stop();
  }, HOOK_MS);

  interface Opened {
    readonly database: string;
    readonly notifyUrl: string;
    readonly nodes: readonly [PpgNode, PpgNode];
  }

  async function open(): Promise<Opened> {
    const [database, { url: notifyUrl }] = await Promise.all([cluster.makeDatabase(), rig.listen()]);
    const start = (name: string): Promise<PpgNode> =>
      rig.startNode(name, [`${new URL(notifyUrl).origin}/*`], { database, ...SETTINGS });
    return { database, notifyUrl, nodes: await Promise.all([start("ppg-1"), start("ppg-2")]) };
  }

  async function results(): Promise<void> {
    const told = rig.ledger.counts.told + 1 + Math.floor(random() * MAX_EVENTS);
    await rig.ledger.until(`${told} told, seed ${seed}`, () => rig.ledger.counts.told >= told, EVENTS_MS);
  }

  /** All that does not fit when everything has ended. */
  async function faultsOf(nodes: readonly PpgNode[]): Promise<readonly string[]> {
    await rig.ledger.until(`all have their results, seed ${seed}`, () => rig.ledger.settled, SETTLED_MS);
    const ended = nodes.filter(({ running }) => !running).map(({ name, said }) => `${name} has ended: ${said}`);
    return [...ended, ...(await Promise.all(nodes.map((node) => rig.faults(node)))).flat()];
  }

  /** Whether a node that stands still has deliveries under way, and rows locked: in no other does that take so long. */
  async function isAtWork({ name }: PpgNode, database: string): Promise<boolean> {
    const sql = `SELECT count(*) FROM pg_stat_activity
      WHERE state = 'idle in transaction' AND clock_timestamp() - state_change > interval '200 ms'
        AND EXISTS (SELECT FROM queue WHERE owner LIKE '${name}/%' AND state = 'sending')`;
    const look = async (): Promise<boolean> => (await cluster.query(database, sql))[0] !== "0";
    return vi.waitUntil(look, { timeout: 600 }).catch(() => false);
  }

  it("say so when it is PostgreSQL, refuse for a while, and end each push once", { timeout: 300_000 }, async () => {
    const { ledger } = rig;
    const { database, notifyUrl, nodes } = await open();
    const loads = nodes.map(({ url }) => rig.load({ url, notifyUrl, random, quality: sometimesConfirmed }));
    const ready = (status: number): Promise<unknown> =>
      vi.waitUntil(async () => (await Promise.all(nodes.map(healthOf))).every((each) => each === status), {
        timeout: EVENTS_MS,
      });

    await results();
    const idle = await PostgresStore.open(database);
    cluster.freeze();
    // It goes without a goodbye that nobody hears.
    await Promise.all([ready(503), idle.close()]);
    cluster.thaw();
    await ready(200);

    await results();
    cluster.freeze();
    const leaseOver = pause(LEASE_OVER_MS);
    const refused = ledger.counts.refused + REFUSED;
    await ledger.until(`${refused} refused, seed ${seed}`, () => ledger.counts.refused >= refused, EVENTS_MS);
    expect(await Promise.all(nodes.map((node) => pushTo(node)))).toEqual(nodes.map(() => refusal));
    // It goes although nobody takes what it has not written yet.
    await nodes[1].stop();
    await leaseOver;
    cluster.thaw();
    await nodes[1].restart();
    await Promise.all(loads.map((load) => load.stop()));
    expect(await faultsOf(nodes), `seed ${seed}`).toEqual([]);
  });

  it("leave to the other what one has under way that wakes when its leases are over", {
    timeout: 300_000,
  }, async () => {
    const { ledger } = rig;
    const { database, notifyUrl, nodes } = await open();
    const [sleeper, other] = nodes;
    const loads = nodes.map(({ url }) => rig.load({ url, notifyUrl, random, quality: sometimesConfirmed }));
    await results();
    for (let isWithin = false; !isWithin; ) {
      // At this moment a handset has what its node has no answer to yet.
      const seen = ledger.counts.seen + 1;
      await ledger.until(`one more seen, seed ${seed}`, () => ledger.counts.seen >= seen, EVENTS_MS);
      sleeper.freeze();
      isWithin = await isAtWork(sleeper, new URL(database).pathname.slice(1));
      if (!isWithin) sleeper.thaw();
    }
    await loads[1]?.stop();
    await ledger.until(`${other.name} ended all, seed ${seed}`, () => ledger.settled, TAKEN_OVER_MS);
    sleeper.thaw();
    await loads[0]?.stop();
    expect(await faultsOf(nodes), `seed ${seed}`).toEqual([]);
  });
});

const refusal = expect.objectContaining({
  kind: "refused",
  httpStatus: 503,
  papCode: 4001,
  retryAfterSeconds: 5,
  retryable: true,
});

async function healthOf({ url }: PpgNode): Promise<number> {
  return (await fetch(new URL("/health/ready", url))).status;
}

async function pushTo({ url }: PpgNode): Promise<unknown> {
  const initiator = new PushInitiator({ url, credentials: { user: "calendar", password: PPG_PASSWORD } });
  const content = { contentType: "text/plain", body: Buffer.from("refused"), applicationId: "push.syncml" };
  try {
    return await initiator.push({
      pushId: newPushId("pi.example.test"),
      addresses: ["sip:handset1@example.test"],
      content,
    });
  } finally {
    await initiator.close();
  }
}
