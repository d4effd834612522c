import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ScriptedCore } from "../../../test/support/scripted-core.ts";
import { BOB, SenderRig } from "../../../test/support/sender-rig.ts";

let rig: SenderRig;
let core: ScriptedCore;

beforeEach(async () => {
  rig = new SenderRig();
  core = await ScriptedCore.open(rig);
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("a sender as an application server (ISC)", () => {
  it("charges each initial request with an identifier of its own (RFC 7315 §4.6): push, query, reference, watch", async () => {
    const sender = await rig.open({ chargingVector: { generatedAt: "as.home.test", originIoi: "home.test" } });
    const waiting = sender.deliver(rig.push, { to: BOB, waitForRegistrationSeconds: 5 });
    await rig.clock.until(sender.queryCapabilities(BOB));
    await rig.clock.until(sender.refer(BOB, { event: { applicationIds: ["push.syncml"] } }));
    await rig.clock.until(waiting);
    const requests = [...core.seen, ...core.subscribed];
    expect(requests.map(({ method }) => method).sort()).toEqual(["MESSAGE", "OPTIONS", "REFER", "SUBSCRIBE"]);
    const vectors = requests.map(({ headers }) => headers.get("P-Charging-Vector") ?? "");
    for (const vector of vectors) {
      expect(vector).toMatch(/^icid-value=[0-9a-f]{32};icid-generated-at=as\.home\.test;orig-ioi=home\.test$/);
    }
    expect(new Set(vectors).size).toBe(4);
  });

  it("charges nothing unless it is told to", async () => {
    core.answer = () => [200];
    await rig.deliver(await rig.open());
    expect(core.seen[0]?.headers.has("P-Charging-Vector")).toBe(false);
  });

  it("acts for a user over the orig route of that user's S-CSCF, in pushes and what else it sends (RFC 5502)", async () => {
    core.answer = () => [200];
    const route = ["<sip:192.0.2.2;lr;orig>"];
    const sender = await rig.open({ route, servedUser: "sip:alice@home.test", identity: "sip:alice@home.test" });
    await rig.deliver(sender, {}, { to: "sip:bob@far.test" });
    await rig.clock.until(sender.queryCapabilities("sip:bob@far.test"));
    expect(core.seen.map(({ method }) => method)).toEqual(["MESSAGE", "OPTIONS"]);
    for (const { headers } of core.seen) {
      expect(headers.get("Route")).toBe("<sip:192.0.2.2;lr;orig>");
      expect(headers.get("P-Served-User")).toBe("<sip:alice@home.test>;sescase=orig");
      expect(headers.get("P-Asserted-Identity")).toBe("<sip:alice@home.test>");
    }
  });

  it.each([
    [{ chargingVector: true, role: "gm" }, "chargingVector"],
    [{ servedUser: "sip:a@b", role: "plain" }, "servedUser"],
    [{ servedUser: "alice" }, "servedUser"],
    [{ chargingVector: { generatedAt: "a b" } }, "chargingVector.generatedAt"],
    [{ chargingVector: { generatedAt: "as.test:5060" } }, "chargingVector.generatedAt"],
    [{ chargingVector: { originIoi: "a\r\nb" } }, "chargingVector.originIoi"],
    [{ trusted: ["192.0.2.0/24", "300.0.0.1/33"] }, "trusted[1]"],
    [{ contact: "bob" }, "contact"],
  ] as const)("refuses %j naming %s", async (options, field) => {
    await expect(rig.open(options)).rejects.toMatchObject({ code: "PUSH_BAD_OPTION", field });
  });
});
