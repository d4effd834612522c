import { randomInt } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PpgRig, seeded, sometimesConfirmed } from "../support/ppg-rig.ts";

const RESTARTS = 3;
/** Pushes seen by handsets before a restart. */
const MAX_EVENTS = 400;
const HOOK_MS = 60_000;
const EVENTS_MS = 60_000;
const SETTLED_MS = 180_000;

describe("a SIP proxy that is restarted under load", () => {
  let rig: PpgRig;
  beforeEach(async () => {
    // Over TCP handsets learn that their proxy is gone. RFC 5626 §4.5.
    rig = await PpgRig.open({ transport: "TCP" });
  }, HOOK_MS);
  afterEach(() => rig.close(), HOOK_MS);

  it("forgets registrations and requests, and each push ends in one final state", { timeout: 400_000 }, async () => {
    const seed = randomInt(2 ** 31);
    const random = seeded(seed);
    const { ledger } = rig;
    const listener = await rig.listen();
    const node = await rig.startNode("ppg-1", [`${new URL(listener.url).origin}/*`]);
    const load = rig.load({ url: node.url, notifyUrl: listener.url, random, quality: sometimesConfirmed });
    for (let restarts = 0; restarts < RESTARTS; restarts++) {
      const seen = ledger.counts.seen + 1 + Math.floor(random() * MAX_EVENTS);
      await ledger.until(`${seen} seen, seed ${seed}`, () => ledger.counts.seen >= seen, EVENTS_MS);
      await rig.restartCore();
      await rig.registered();
    }
    await load.stop();
    await ledger.until(`all have their results, seed ${seed}`, () => ledger.settled, SETTLED_MS);
    expect(await rig.faults(node), `seed ${seed}`).toEqual([]);
  });
});
