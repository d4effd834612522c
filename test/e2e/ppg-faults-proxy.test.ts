import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PpgRig, sometimesConfirmed } from "../support/ppg-rig.ts";

const RESTARTS = 3;
/** Pushes seen by handsets before a restart. */
const MAX_EVENTS = 400;

describe("a SIP proxy that is restarted under load", () => {
  let rig: PpgRig;
  beforeEach(async () => {
    // Over TCP handsets learn that their proxy is gone. RFC 5626 §4.5.
    rig = await PpgRig.open({ transport: "TCP" });
  });
  afterEach(() => rig.close());

  it("forgets registrations and requests, and each push ends in one final state", { timeout: 400_000 }, async () => {
    const listener = await rig.listen();
    const node = await rig.startNode("ppg-1", [listener]);
    const load = rig.load(node, listener, { quality: sometimesConfirmed });
    for (let restarts = 0; restarts < RESTARTS; restarts++) {
      await rig.more(rig.upTo(MAX_EVENTS), "seen");
      await rig.restartCore();
      await rig.registered();
    }
    await load.stop();
    await rig.settled();
    expect(await rig.faults(node)).toEqual([]);
  });
});
