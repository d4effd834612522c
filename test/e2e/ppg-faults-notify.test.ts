import { randomInt } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { ownLoopback } from "../support/ppg-node.ts";
import { PpgRig, seeded } from "../support/ppg-rig.ts";

const HOOK_MS = 60_000;
const DOWN_MS = 60_000;
/** Results that one initiator gets while the other cannot be reached, at least. */
const MEANWHILE = 200;
const EVENTS_MS = 60_000;
const SETTLED_MS = 120_000;

describe("a notify URL that is down for a minute under load", () => {
  let rig: PpgRig;
  beforeEach(async () => {
    rig = await PpgRig.open();
  }, HOOK_MS);
  afterEach(() => rig.close(), HOOK_MS);

  it("gets all its results afterwards, and keeps no other from getting its own", { timeout: 300_000 }, async () => {
    const seed = randomInt(2 ** 31);
    const { ledger } = rig;
    const address = ownLoopback();
    const port = await freePort(address);
    const first = await rig.listen({ address, port });
    const other = await rig.listen();
    const origins = [first, other].map(({ url }) => `${new URL(url).origin}/*`);
    const node = await rig.startNode("ppg-1", origins);
    const [fallible, steady] = [first, other].map(({ url: notifyUrl }, index) =>
      rig.load({ url: node.url, notifyUrl, random: seeded(seed + index), lanes: 2, paceMs: 100 }),
    );
    await ledger.until(`results, seed ${seed}`, () => ledger.counts.told >= MEANWHILE, EVENTS_MS);
    await first.close();
    const isUp = pause(DOWN_MS);
    const before = ledger.counts.told;
    await ledger.until(`others' results, seed ${seed}`, () => ledger.counts.told >= before + MEANWHILE, DOWN_MS);
    await isUp;
    await rig.listen({ address, port });
    await Promise.all([fallible?.stop(), steady?.stop()]);
    await ledger.until(`all have their results, seed ${seed}`, () => ledger.settled, SETTLED_MS);
    expect(await rig.faults(node), `seed ${seed}`).toEqual([]);
  });
});
