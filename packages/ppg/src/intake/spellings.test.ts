import { describe, expect, it } from "vitest";
import { IntakeRig, plmn, pushOf } from "./testdata/intake-rig.ts";

const rig = new IntakeRig({ telDomain: "example.test" });

const statesOf = async (pushId: string) => {
  const status = await rig.store.status({ initiator: "calendar", pushId });
  return status?.deliveries.map(({ address, state, reason }) => [address, state, reason]);
};

describe("addresses that lead to one handset", () => {
  it("get a push once; the others are told so", async () => {
    const phone = ["tel:+49-151", plmn("+49151"), "sip:+49151@example.test"];
    const user = ["", ";foo=bar", ";transport=udp", ":5060"].map((rest) => `sip:h1@example.test${rest}`);
    await rig.push(pushOf("p", { addresses: [...phone, ...user] }));
    expect(await statesOf("p")).toEqual(
      [phone, user].flatMap(([first, ...others]) => [
        [first, "pending", ""],
        ...others.map((other) => [other, "rejected", `the same recipient as ${first}`]),
      ]),
    );
  });

  it("are one for a query, a replacement and a cancellation", async () => {
    await rig.push(pushOf("p", { addresses: ["sip:h1@example.test;foo=bar", "tel:+49151"] }));
    const asked = ["sip:h1@example.test:5060", plmn("+49-151")];
    const { message } = await rig.ask({ kind: "statusquery-message", pushId: "p", addresses: asked });
    expect(message.operation).toMatchObject({ statusQueryResults: [{ messageState: "pending", addresses: asked }] });
    const replacement = pushOf("q", { addresses: asked, replacePushId: "p", replaceMethod: "pending-only" });
    expect((await rig.push(replacement)).responseResult).toMatchObject({ code: 1001, desc: "Accepted for Processing" });
    expect((await statesOf("p"))?.map(([, ...state]) => state)).toEqual([
      ["cancelled", "replaced"],
      ["cancelled", "replaced"],
    ]);
    const addresses = ["sip:h1@example.test"];
    const cancelled = await rig.ask({ kind: "cancel-message", pushId: "q", addresses });
    expect(cancelled.message.operation).toMatchObject({ cancelResults: [{ code: 1000, addresses }] });
    expect((await statesOf("q"))?.map(([, state]) => state)).toEqual(["cancelled", "pending"]);
  });

  it("may be a tel URI, stored as what is sent; rights are asked for what was written", async () => {
    const who = { name: "calendar", recipients: ["tel:+49*"], applications: ["*"], notifyUrls: [] };
    await rig.push(pushOf("p", { addresses: ["tel:+49-151", "tel:+33151"] }), { initiator: who });
    expect((await rig.store.status({ initiator: "calendar", pushId: "p" }))?.deliveries).toMatchObject([
      { address: "tel:+49-151", recipient: "sip:+49151@example.test;user=phone", state: "pending" },
      { address: "tel:+33151", state: "rejected", papCode: 2001 },
    ]);
  });
});
