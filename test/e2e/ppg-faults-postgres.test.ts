import { afterEach, beforeEach, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { PpgRig, sometimesConfirmed } from "../support/ppg-rig.ts";

const CRASHES = 3;
/** Results told before a crash. */
const MAX_EVENTS = 300;
/** Submissions that fail before the database comes back. */
const FAILED = 60;

describeWithPeers("PostgreSQL that crashes and comes back under two gateways", ["postgresql"], () => {
  let rig: PpgRig;
  beforeEach(async () => {
    rig = await PpgRig.open({ postgres: true });
  });
  afterEach(() => rig.close());

  it("stops neither of them, and each push ends in one final state", { timeout: 600_000 }, async () => {
    const { cluster } = rig;
    const listener = await rig.listen();
    const nodes = await rig.startTwo(listener, { database: await cluster.makeDatabase() });
    const loads = nodes.map((node) => rig.load(node, listener, { lanes: 8, quality: sometimesConfirmed }));
    for (let crashes = 0; crashes < CRASHES; crashes++) {
      await rig.more(rig.upTo(MAX_EVENTS), "told");
      await cluster.crash();
      await rig.more(FAILED, "refused");
      await cluster.restart();
    }
    await Promise.all(loads.map((load) => load.stop()));
    await rig.settled();
    for (const node of nodes) {
      expect(node.running, node.said).toBe(true);
      expect(await rig.faults(node)).toEqual([]);
    }
  });
});
