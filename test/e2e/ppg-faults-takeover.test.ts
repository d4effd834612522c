import { randomInt } from "node:crypto";
import { afterEach, beforeEach, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { PostgresCluster } from "../support/postgres-cluster.ts";
import type { PpgNode } from "../support/ppg-node.ts";
import { PpgRig, seeded, sometimesConfirmed } from "../support/ppg-rig.ts";

const ROUNDS = 2;
/** Results told before a kill, and while one node is dead. */
const MAX_EVENTS = 300;
/** initdb writes some 1,000 files. */
const HOOK_MS = 60_000;
const EVENTS_MS = 60_000;
const SETTLED_MS = 120_000;

describeWithPeers("one of two gateways on PostgreSQL that is killed under load", ["postgresql"], () => {
  let cluster: PostgresCluster;
  let rig: PpgRig;
  beforeEach(async () => {
    [cluster, rig] = await Promise.all([PostgresCluster.start(), PpgRig.open()]);
  }, HOOK_MS);
  afterEach(async () => {
    await rig.close();
    await cluster.stop();
  }, HOOK_MS);

  it("leaves its work to the other one, which ends each push in one final state", { timeout: 400_000 }, async () => {
    const seed = randomInt(2 ** 31);
    const random = seeded(seed);
    const { ledger } = rig;
    const database = await cluster.makeDatabase();
    const listener = await rig.listen();
    const start = (name: string): Promise<PpgNode> =>
      rig.startNode(name, [`${new URL(listener.url).origin}/*`], { database });
    const nodes = await Promise.all([start("ppg-1"), start("ppg-2")]);
    const loadOf = ({ url }: PpgNode) =>
      rig.load({ url, notifyUrl: listener.url, random, quality: sometimesConfirmed });
    const after = async (what: string): Promise<void> => {
      const told = ledger.counts.told + 1 + Math.floor(random() * MAX_EVENTS);
      await ledger.until(`${told} told ${what}, seed ${seed}`, () => ledger.counts.told >= told, EVENTS_MS);
    };
    for (let round = 0; round < ROUNDS; round++) {
      const [victim, other] = round % 2 === 0 ? nodes : nodes.toReversed();
      if (victim === undefined || other === undefined) throw new Error("two nodes");
      const loads = [loadOf(victim), loadOf(other)];
      await after("by both");
      await victim.kill();
      await after(`by ${other.name} alone`);
      await loads[1]?.stop();
      // What the other one has not accepted waits for the victim to come back.
      await ledger.until(`${other.name} ended all, seed ${seed}`, () => ledger.settled, SETTLED_MS);
      expect(victim.running).toBe(false);
      await victim.restart();
      await loads[0]?.stop();
    }
    await ledger.until(`all have their results, seed ${seed}`, () => ledger.settled, SETTLED_MS);
    for (const node of nodes) expect(await rig.faults(node), `seed ${seed}`).toEqual([]);
  });
});
