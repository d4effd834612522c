import { randomInt } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PpgRig, seeded, sometimesConfirmed } from "../support/ppg-rig.ts";
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
const HOOK_MS = 60_000;
const EVENTS_MS = 60_000;
const SETTLED_MS = 120_000;

describe("a gateway with SQLite that is killed under load", () => {
  let rig: PpgRig;
  beforeEach(async () => {
    rig = await PpgRig.open();
  }, HOOK_MS);
  afterEach(() => rig.close(), HOOK_MS);

  it("ends every accepted push in one final state, loses none, and repeats none to an application", {
    timeout: 400_000,
  }, async () => {
    const seed = randomInt(2 ** 31);
    const random = seeded(seed);
    const { ledger } = rig;
    const listener = await rig.listen();
    const node = await rig.startNode("ppg-1", [`${new URL(listener.url).origin}/*`]);
    const load = rig.load({
      url: node.url,
      notifyUrl: listener.url,
      random,
      quality: sometimesConfirmed,
    });
    let up = Promise.resolve();
    while (node.kills < KILLS) {
      const { event, isUp } = points[Math.floor(random() * points.length)] ?? { event: "told", isUp: true };
      if (isUp) await up;
      const count = ledger.counts[event] + 1 + Math.floor(random() * MAX_EVENTS);
      await ledger.until(`${count} ${event}, seed ${seed}`, () => ledger.counts[event] >= count, EVENTS_MS);
      up.catch(() => {});
      await node.kill();
      up = node.restart();
    }
    await up;
    await load.stop();
    await ledger.until(`all have their results, seed ${seed}`, () => ledger.settled, SETTLED_MS);
    expect(await rig.faults(node), `seed ${seed}`).toEqual([]);
  });

  it("stopped gracefully instead, answers all that it takes, and sends nothing twice", {
    timeout: 400_000,
  }, async () => {
    const seed = randomInt(2 ** 31);
    const random = seeded(seed);
    const { ledger } = rig;
    const listener = await rig.listen();
    const node = await rig.startNode("ppg-1", [`${new URL(listener.url).origin}/*`]);
    const load = rig.load({ url: node.url, notifyUrl: listener.url, random, quality: sometimesConfirmed });
    for (let stops = 0; stops < STOPS; stops++) {
      const told = ledger.counts.told + 1 + Math.floor(random() * MAX_EVENTS);
      await ledger.until(`${told} told, seed ${seed}`, () => ledger.counts.told >= told, EVENTS_MS);
      await node.stop();
      await node.restart();
    }
    await load.stop();
    await ledger.until(`all have their results, seed ${seed}`, () => ledger.settled, SETTLED_MS);
    expect(await rig.faults(node), `seed ${seed}`).toEqual([]);
    // A request that met the end of its connection was not taken.
    expect(ledger.counts, `seed ${seed}`).toMatchObject({ duplicateAnswers: 0, repeated: 0 });
    expect(rig.stats.repeats, `seed ${seed}`).toBe(0);
  });
});
