import { afterEach, beforeEach, expect, it } from "vitest";
import { describeWithPeers } from "../support/describe-with-peers.ts";
import { PpgRig, sometimesConfirmed } from "../support/ppg-rig.ts";

/** In each, another one is the victim. */
const ROUNDS = 2;
/** Results told before a kill, and while one node is dead. */
const MAX_EVENTS = 300;

describeWithPeers("one of two gateways on PostgreSQL that is killed under load", ["postgresql"], () => {
  let rig: PpgRig;
  beforeEach(async () => {
    rig = await PpgRig.open({ postgres: true });
  });
  afterEach(() => rig.close());

  it("leaves its work to the other one, which ends each push in one final state", { timeout: 400_000 }, async () => {
    const listener = await rig.listen();
    const nodes = await rig.startTwo(listener, { database: await rig.cluster.makeDatabase() });
    let [victim, other] = nodes;
    for (let round = 0; round < ROUNDS; round++) {
      const load = rig.load(other, listener, { quality: sometimesConfirmed });
      const victimLoad = rig.load(victim, listener, { quality: sometimesConfirmed });
      await rig.more(rig.upTo(MAX_EVENTS), "told", "by both");
      await victim.kill();
      await rig.more(rig.upTo(MAX_EVENTS), "told", `by ${other.name} alone`);
      await load.stop();
      // What the other one has not accepted waits for the victim to come back.
      await rig.settled(`by ${other.name} alone`);
      expect(victim.running).toBe(false);
      await victim.restart();
      await victimLoad.stop();
      [victim, other] = [other, victim];
    }
    await rig.settled();
    for (const node of nodes) expect(await rig.faults(node)).toEqual([]);
  });
});
