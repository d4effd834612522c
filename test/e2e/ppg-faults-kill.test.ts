import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PpgRig, sometimesConfirmed } from "../support/ppg-rig.ts";
import type { LedgerCounts } from "../support/push-ledger.ts";

const KILLS = 20;
const STOPS = 4;
/** What a kill waits for: so many events of one kind, once the gateway is up, or while it is on its way up. */
const MAX_EVENTS = 120;
const points: ReadonlyArray<{ readonly event: keyof LedgerCounts; readonly isUp: boolean }> = [
  { event: "submitted", isUp: false },
  { event: "submitted", isUp: true },
  { event: "accepted", isUp: true },
  { event: "seen", isUp: true },
  { event: "told", isUp: true },
];

describe("a gateway with SQLite that is killed under load", () => {
  let rig: PpgRig;
  beforeEach(async () => {
    rig = await PpgRig.open();
  });
  afterEach(() => rig.close());

  it("ends every accepted push in one final state, loses none, and repeats none to an application", {
    timeout: 400_000,
  }, async () => {
    const listener = await rig.listen();
    const node = await rig.startNode("ppg-1", [listener]);
    const load = rig.load(node, listener, { quality: sometimesConfirmed });
    let up = Promise.resolve();
    while (node.kills < KILLS) {
      const { event, isUp } = points[rig.upTo(points.length) - 1] ?? { event: "told", isUp: true };
      if (isUp) await up;
      await rig.more(rig.upTo(MAX_EVENTS), event);
      up.catch(() => {});
      await node.kill();
      up = node.restart();
    }
    await up;
    await load.stop();
    await rig.settled();
    expect(await rig.faults(node)).toEqual([]);
  });

  it("stopped gracefully instead, answers all that it takes, and sends nothing twice", {
    timeout: 400_000,
  }, async () => {
    const listener = await rig.listen();
    const node = await rig.startNode("ppg-1", [listener]);
    const load = rig.load(node, listener, { quality: sometimesConfirmed });
    for (let stops = 0; stops < STOPS; stops++) {
      await rig.more(rig.upTo(MAX_EVENTS), "told");
      await node.stop();
      await node.restart();
    }
    await load.stop();
    await rig.settled();
    expect(await rig.faults(node)).toEqual([]);
    // A request that met the end of its connection was not taken.
    expect(rig.ledger.counts).toMatchObject({ duplicateAnswers: 0, repeated: 0 });
    expect(rig.stats.repeats).toBe(0);
  });
});
