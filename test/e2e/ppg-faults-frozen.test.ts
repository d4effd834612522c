import { setTimeout as pause } from "node:timers/promises";
import { newPushId, PushInitiator, type ResultListener } from "@sip-push/initiator";
import { PostgresStore } from "@sip-push/ppg";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { PPG_PASSWORD, type PpgNode } from "../support/ppg-node.ts";
import { PpgRig, sometimesConfirmed } from "../support/ppg-rig.ts";

/** Of deliveries at the rig's gateways, and a little. */
const LEASE_OVER_MS = 5_500;
/**
 * What got lost meanwhile is not waited for longer: reports, and results that nobody knows to be claimed, which take six times that.
 * Still more than a listener on a busy machine takes: an origin that answers too late again and again is left alone for half a minute.
 */
const SETTINGS = {
  delivery: { reportTimeoutSeconds: 5 },
  results: { timeoutSeconds: 4, retry: { initialSeconds: 0.2, maxSeconds: 2 } },
  shutdownSeconds: 1,
};
/** Results told before something stands still. */
const MAX_EVENTS = 200;
/** Submissions that are refused meanwhile: so many only when each is told at once. */
const REFUSED = 60;
const NOTICED_MS = 60_000;

describeWithPeers("two gateways of which something stands still under load", ["postgresql"], () => {
  let rig: PpgRig;
  let database: string;
  let listener: ResultListener;
  let nodes: readonly [PpgNode, PpgNode];
  beforeEach(async () => {
    rig = await PpgRig.open({ postgres: true });
    [database, listener] = await Promise.all([rig.cluster.makeDatabase(), rig.listen()]);
    nodes = await rig.startTwo(listener, { database, ...SETTINGS });
  });
  afterEach(() => rig.close());

  /** All that does not fit when everything has ended. */
  async function faults(): Promise<readonly string[]> {
    await rig.settled();
    const ended = nodes.filter(({ running }) => !running).map(({ name, said }) => `${name} has ended: ${said}`);
    return [...ended, ...(await Promise.all(nodes.map((node) => rig.faults(node)))).flat()];
  }

  /** Resolves when both say so. */
  async function ready(status: number): Promise<void> {
    const told = async (): Promise<boolean> =>
      (await Promise.all(nodes.map(healthOf))).every((each) => each === status);
    await vi.waitUntil(told, { timeout: NOTICED_MS });
  }

  /** Whether a node that stands still has deliveries under way, and rows locked: in no other does that take so long. */
  async function isAtWork({ name }: PpgNode): Promise<boolean> {
    const sql = `SELECT count(*) FROM pg_stat_activity
      WHERE state = 'idle in transaction' AND clock_timestamp() - state_change > interval '200 ms'
        AND EXISTS (SELECT FROM queue WHERE owner LIKE '${name}/%' AND state = 'sending')`;
    const look = async (): Promise<boolean> =>
      (await rig.cluster.query(new URL(database).pathname.slice(1), sql))[0] !== "0";
    return vi.waitUntil(look, { timeout: 600 }).catch(() => false);
  }

  it("say so when it is PostgreSQL, refuse for a while, and end each push once", { timeout: 300_000 }, async () => {
    const { cluster } = rig;
    const loads = nodes.map((node) => rig.load(node, listener, { quality: sometimesConfirmed }));

    await rig.more(rig.upTo(MAX_EVENTS), "told");
    const idle = await PostgresStore.open(database);
    cluster.freeze();
    // It goes without a goodbye that nobody hears.
    await Promise.all([ready(503), idle.close()]);
    cluster.thaw();
    await ready(200);

    await rig.more(rig.upTo(MAX_EVENTS), "told");
    cluster.freeze();
    const leaseOver = pause(LEASE_OVER_MS);
    await rig.more(REFUSED, "refused");
    expect(await Promise.all(nodes.map((node) => pushTo(node)))).toEqual(nodes.map(() => refusal));
    // It goes although nobody takes what it has not written yet.
    await nodes[1].stop();
    await leaseOver;
    cluster.thaw();
    await nodes[1].restart();
    await Promise.all(loads.map((load) => load.stop()));
    expect(await faults()).toEqual([]);
  });

  it("leave to the other what one has under way that wakes when its leases are over", {
    timeout: 300_000,
  }, async () => {
    const [sleeper, other] = nodes;
    const load = rig.load(other, listener, { quality: sometimesConfirmed });
    const sleeperLoad = rig.load(sleeper, listener, { quality: sometimesConfirmed });
    await rig.more(rig.upTo(MAX_EVENTS), "told");
    for (let isWithin = false; !isWithin; ) {
      // At this moment a handset has what its node has no answer to yet.
      await rig.more(1, "seen");
      sleeper.freeze();
      isWithin = await isAtWork(sleeper);
      if (!isWithin) sleeper.thaw();
    }
    await load.stop();
    // Leases of deliveries and results end, and what the sleeper has locked is free.
    await rig.settled(`by ${other.name} alone`);
    sleeper.thaw();
    await sleeperLoad.stop();
    expect(await faults()).toEqual([]);
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
