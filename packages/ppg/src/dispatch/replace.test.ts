import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DispatchRig } from "../../../../test/support/dispatch-rig.ts";
import type { PushSubmission } from "../store/types.ts";

let rig: DispatchRig;

beforeEach(async () => {
  rig = await DispatchRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

type Method = NonNullable<PushSubmission["replace"]>["method"];

const bodies = (): string[] => rig.seen.map(({ body }) => new TextDecoder().decode(body));

describe("a push that is replaced while it is being sent, by two nodes", () => {
  it.each<[method: Method, statusCode: number, old: [string, string], replacement: [string, string]]>([
    ["pending-only", 486, ["cancelled", "replaced; last: 486 Busy Here"], ["delivered", "200 OK"]],
    [
      "pending-only",
      200,
      ["delivered", "200 OK"],
      ["rejected", "the push that it was to replace has reached this recipient"],
    ],
    ["all", 486, ["cancelled", "replaced; last: 486 Busy Here"], ["delivered", "200 OK"]],
    ["all", 200, ["delivered", "200 OK"], ["delivered", "200 OK"]],
    ["all", 403, ["undeliverable", "403 Forbidden"], ["delivered", "200 OK"]],
  ])("%s, and answered %d", async (replaceMethod, statusCode, old, replacement) => {
    const held = Promise.withResolvers<readonly [number]>();
    await rig.handset((_, n) => (n === 0 ? held.promise : [200]));
    await rig.node();
    await rig.submit("old");
    await rig.untilTold("old", "sending");
    await rig.node({ owner: "ppg-2", address: "192.0.2.11" });
    await rig.submit("new", ["bob"], { replace: { pushId: "old", method: replaceMethod } });
    await rig.clock.advance(5_000);
    expect(bodies()).toEqual(["old"]);
    held.resolve([statusCode]);
    await rig.untilTold("old", old[0]);
    await rig.untilTold("new", replacement[0]);
    for (const [pushId, [state, reason]] of [
      ["old", old],
      ["new", replacement],
    ] as const)
      expect(await rig.delivery(pushId)).toMatchObject({ state, reason });
    expect(bodies()).toEqual(replacement[0] === "rejected" ? ["old"] : ["old", "new"]);
  });

  it("and both of them are taken back, ends with that attempt", async () => {
    const held = Promise.withResolvers<readonly [number]>();
    await rig.handset(() => held.promise);
    await rig.node();
    await rig.submit("old");
    await rig.untilTold("old", "sending");
    await rig.submit("new", ["bob"], { replace: { pushId: "old", method: "pending-only" } });
    await rig.store.cancel({ initiator: "pi", pushId: "new" }, rig.clock.wallMs);
    expect(await rig.delivery("new")).toMatchObject({ state: "cancelled", reason: "cancelled" });
    await rig.store.cancel({ initiator: "pi", pushId: "old" }, rig.clock.wallMs);
    held.resolve([503]);
    expect(await rig.untilTold("old", "cancelled")).toMatchObject({
      reason: "cancelled; last: 503 Service Unavailable",
    });
    await rig.clock.advance(100_000);
    expect(bodies()).toEqual(["old"]);
  });
});
