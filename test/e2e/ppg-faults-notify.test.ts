import { setTimeout as pause } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { freePort } from "../support/free-port.ts";
import { ownLoopback } from "../support/ppg-node.ts";
import { PpgRig } from "../support/ppg-rig.ts";

const DOWN_MS = 60_000;
/** Results that one initiator gets while the other cannot be reached, at least. */
const MEANWHILE = 200;

describe("a notify URL that is down for a minute under load", () => {
  let rig: PpgRig;
  beforeEach(async () => {
    rig = await PpgRig.open();
  });
  afterEach(() => rig.close());

  it("gets all its results afterwards, and keeps no other from getting its own", { timeout: 300_000 }, async () => {
    const address = ownLoopback();
    const port = await freePort(address);
    const first = await rig.listen({ address, port });
    const other = await rig.listen();
    const node = await rig.startNode("ppg-1", [first, other]);
    const loads = [first, other].map((listener) => rig.load(node, listener, { lanes: 2, paceMs: 100 }));
    await rig.more(MEANWHILE, "told");
    await first.close();
    const isUp = pause(DOWN_MS);
    await rig.more(MEANWHILE, "told", "by the other alone");
    await isUp;
    await rig.listen({ address, port });
    await Promise.all(loads.map((load) => load.stop()));
    await rig.settled();
    expect(await rig.faults(node)).toEqual([]);
  });
});
