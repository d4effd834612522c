import { randomInt } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { PostgresCluster } from "../support/postgres-cluster.ts";
import type { PpgNode } from "../support/ppg-node.ts";
import { PpgRig, seeded, sometimesConfirmed } from "../support/ppg-rig.ts";

const CRASHES = 3;
/** Results told before a crash. */
const MAX_EVENTS = 300;
/** Submissions that fail before the database comes back. */
const FAILED = 60;
/** initdb writes some 1,000 files. */
const HOOK_MS = 60_000;
const EVENTS_MS = 60_000;
const SETTLED_MS = 180_000;

describeWithPeers("PostgreSQL that crashes and comes back under two gateways", ["postgresql"], () => {
  let cluster: PostgresCluster;
  let rig: PpgRig;
  beforeEach(async () => {
    [cluster, rig] = await Promise.all([PostgresCluster.start(), PpgRig.open()]);
  }, HOOK_MS);
  afterEach(async () => {
    await rig.close();
    await cluster.stop();
  }, HOOK_MS);

  it("stops neither of them, and each push ends in one final state", { timeout: 600_000 }, async () => {
    const seed = randomInt(2 ** 31);
    const random = seeded(seed);
    const { ledger } = rig;
    const database = await cluster.makeDatabase();
    const listener = await rig.listen();
    const start = (name: string): Promise<PpgNode> =>
      rig.startNode(name, [`${new URL(listener.url).origin}/*`], { database });
    const nodes = await Promise.all([start("ppg-1"), start("ppg-2")]);
    const loads = nodes.map(({ url }) =>
      rig.load({ url, notifyUrl: listener.url, random, lanes: 8, quality: sometimesConfirmed }),
    );
    for (let crashes = 0; crashes < CRASHES; crashes++) {
      const told = ledger.counts.told + 1 + Math.floor(random() * MAX_EVENTS);
      await ledger.until(`${told} told, seed ${seed}`, () => ledger.counts.told >= told, EVENTS_MS);
      await cluster.crash();
      const failed = ledger.counts.refused + FAILED;
      await ledger.until(`${failed} refused, seed ${seed}`, () => ledger.counts.refused >= failed, EVENTS_MS);
      await cluster.restart();
    }
    await Promise.all(loads.map((load) => load.stop()));
    await ledger.until(`all have their results, seed ${seed}`, () => ledger.settled, SETTLED_MS);
    for (const node of nodes) {
      expect(node.running, node.said).toBe(true);
      expect(await rig.faults(node), `seed ${seed}`).toEqual([]);
    }
  });
});
