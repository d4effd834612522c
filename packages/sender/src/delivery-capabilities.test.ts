import { encodePidf } from "@sip-push/bodies";
import { toPresence } from "@sip-push/push";
import type { ResponseInit } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ScriptedCore } from "../../../test/support/scripted-core.ts";
import { BOB, type ScriptedAnswer, SenderRig } from "../../../test/support/sender-rig.ts";
import type { PushSenderOptions } from "./options.ts";
import type { PushSender } from "./push-sender.ts";

let rig: SenderRig;
let core: ScriptedCore;

beforeEach(async () => {
  rig = new SenderRig();
  core = await ScriptedCore.open(rig, "presence");
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const open = (capabilities: PushSenderOptions["capabilities"] = {}): Promise<PushSender> => rig.open({ capabilities });

/** A 200 to OPTIONS of a handset that takes this. */
const takes = (types: string, application = "push.syncml"): readonly [number, ResponseInit] => [
  200,
  {
    headers: [
      ["Accept", types],
      ["Allow", "MESSAGE, NOTIFY, OPTIONS"],
      ["Contact", `<sip:bob@192.0.2.9>;+g.oma.pusheventapp="${application}"`],
    ],
  },
];

/** OPTIONS and pushes are answered so. */
function answers(options: ScriptedAnswer, push: ScriptedAnswer = [200]): void {
  core.answer = ({ method }) => (method === "OPTIONS" ? options : push);
}

const text = { contentType: "text/plain", body: new Uint8Array([1]) };

describe("queryCapabilities (OPTIONS, RFC 3261 §11)", () => {
  it("asks the handset that has the application, as the sender, and remembers the answer", async () => {
    const sender = await open();
    answers(takes("text/plain"));
    const answer = await rig.clock.until(sender.queryCapabilities(BOB, { applicationId: "push.syncml" }));
    expect(answer).toMatchObject({ kind: "answered", sipStatus: 200 });
    expect(core.seen[0]?.headers.get("P-Asserted-Identity")).toBe("<sip:push-psi@home.test>");
    expect(core.seen[0]?.headers.get("Accept-Contact")).toContain("push.syncml");
    expect(sender.capabilitiesOf(BOB)[0]?.facts).toMatchObject({
      mediaTypes: ["text/plain"],
      applications: ["push.syncml"],
    });
  });

  it("gives a refusal as an answer, and learns nothing from it", async () => {
    const sender = await open();
    answers([480]);
    expect(await rig.clock.until(sender.queryCapabilities(BOB))).toMatchObject({ kind: "refused", sipStatus: 480 });
    expect(sender.capabilitiesOf(BOB)).toEqual([]);
    await expect(sender.queryCapabilities("bob")).rejects.toMatchObject({ code: "PUSH_BAD_RECIPIENT", field: "to" });
  });
});

describe("what is known of a handset", () => {
  it("chooses the form that it takes, before anything is refused", async () => {
    const sender = await open();
    answers(takes("text/plain"));
    await rig.clock.until(sender.queryCapabilities(BOB));
    expect(await rig.deliver(sender, {}, { alternatives: [text] })).toMatchObject({ attempts: 1 });
    expect(core.seen.at(-1)?.headers.get("Content-Type")).toBe("text/plain");
  });

  it("chooses the application that it has", async () => {
    const sender = await open();
    answers(takes("*/*", "ulp.ua"));
    await rig.clock.until(sender.queryCapabilities(BOB));
    await rig.deliver(sender, {}, { alternatives: [{ ...text, applicationId: "ulp.ua" }] });
    expect(core.seen.at(-1)?.headers.get("Accept-Contact")).toContain("ulp.ua");
    expect(core.seen.at(-1)?.headers.get("Content-Type")).toBe("text/plain");
  });

  it("never gives up a push: what nothing is known to take goes out as it is", async () => {
    const sender = await open();
    answers(takes("image/png"));
    await rig.clock.until(sender.queryCapabilities(BOB));
    expect(await rig.deliver(sender, {}, { alternatives: [text] })).toMatchObject({ messageState: "delivered" });
    expect(core.seen.at(-1)?.headers.get("Content-Type")).toBe(rig.push.contentType);
  });

  it("comes from refusals too: what a 415 said decides about the next push (RFC 3261 §21.4.13)", async () => {
    const sender = await open();
    core.answer = ({ headers }) =>
      headers.get("Content-Type") === "text/plain" ? [200] : [415, { headers: [["Accept", "text/plain"]] }];
    expect(await rig.deliver(sender, {}, { alternatives: [text] })).toMatchObject({ attempts: 2 });
    expect(await rig.deliver(sender, {}, { alternatives: [text] })).toMatchObject({ attempts: 1 });
  });

  it("is forgotten after its lifetime", async () => {
    const sender = await open({ lifetimesSeconds: { options: 60 } });
    answers(takes("text/plain"));
    await rig.clock.until(sender.queryCapabilities(BOB));
    await rig.clock.advance(61_000);
    expect(sender.capabilitiesOf(BOB)).toEqual([]);
    await rig.deliver(sender, {}, { alternatives: [text] });
    expect(core.seen.at(-1)?.headers.get("Content-Type")).toBe(rig.push.contentType);
  });
});

describe("the option capabilities.query", () => {
  it("asks once about a recipient of whom nothing is known, for all pushes that wait", async () => {
    const sender = await open({ query: true });
    answers(takes("text/plain"));
    const to = [BOB, BOB, BOB];
    const outcomes = await rig.clock.until(sender.deliver(rig.push, { to, alternatives: [text] }));
    expect(outcomes.map(({ messageState, attempts }) => `${messageState} ${attempts}`)).toEqual(
      Array(3).fill("delivered 1"),
    );
    expect(core.seen.map(({ method }) => method)).toEqual(["OPTIONS", "MESSAGE", "MESSAGE", "MESSAGE"]);
    expect(core.of("MESSAGE").map(({ headers }) => headers.get("Content-Type"))).toEqual(Array(3).fill("text/plain"));
  });

  it("asks about each user, and nobody of whom something is known", async () => {
    const sender = await open({ query: true });
    answers(takes("*/*"));
    await rig.deliver(sender);
    await rig.deliver(sender);
    await rig.deliver(sender, {}, { to: "sip:carol@192.0.2.2" });
    expect(core.of("OPTIONS").map(({ requestUri }) => requestUri)).toEqual([BOB, "sip:carol@192.0.2.2"]);
  });

  it("sends the push when the answer says nothing, and does not ask again for a while", async () => {
    const sender = await open({ query: true });
    answers([405]);
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered" });
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered" });
    expect(core.of("OPTIONS").length).toBe(1);
    await rig.clock.advance(300_000);
    await rig.deliver(sender);
    expect(core.of("OPTIONS").length).toBe(2);
  });

  it("waits for the answer five seconds at most", async () => {
    const sender = await open({ query: true });
    answers(undefined);
    expect(await rig.deliver(sender)).toMatchObject({ messageState: "delivered", elapsedMs: 5000, attempts: 1 });
    await rig.clock.advance(40_000);
  });

  it("does not outwait deliver-before", async () => {
    const sender = await open({ query: true });
    answers(undefined);
    const outcome = await rig.deliver(sender, { expiresSeconds: 3 });
    expect(outcome).toMatchObject({ messageState: "expired", attempts: 0 });
    await rig.clock.advance(40_000);
  });

  it("lets the wait end with the caller's signal and with the sender", async () => {
    const sender = await open({ query: true });
    answers(undefined);
    const abort = new AbortController();
    const aborted = sender.deliver(rig.push, { to: BOB, signal: abort.signal });
    const closed = sender.deliver(rig.push, { to: BOB });
    await rig.clock.advance(1000);
    abort.abort();
    expect(await aborted).toEqual([expect.objectContaining({ messageState: "cancelled", attempts: 0 })]);
    await rig.clock.until(sender.close());
    expect(await closed).toEqual([expect.objectContaining({ messageState: "unknown", attempts: 0, elapsedMs: 1000 })]);
  });

  it("is off unless it is set", async () => {
    answers(takes("*/*"));
    await rig.deliver(await open());
    expect(core.of("OPTIONS")).toEqual([]);
  });
});

describe("the option capabilities.presence (RFC 3856, RFC 5196)", () => {
  it("watches those who are pushed to, once each, and knows what they publish", async () => {
    const none = {
      encodings: [],
      maxBodyBytes: null,
      methods: ["MESSAGE"],
      eventPackages: [],
      optionTags: [],
      languages: [],
    };
    const capabilities = { ...none, applications: ["push.syncml"], mediaTypes: ["text/plain"] };
    const presence = toPresence(capabilities, { entity: BOB, contact: "sip:bob@192.0.2.9", tupleId: "push-1" });
    core.state = { contentType: "application/pidf+xml", body: encodePidf(presence) };
    answers([405]);
    const sender = await open({ presence: true });
    await rig.deliver(sender);
    await rig.deliver(sender);
    await rig.clock.advance(100);
    expect(core.subscribed.map(({ requestUri, headers }) => [requestUri, headers.get("Event")])).toEqual([
      [BOB, "presence"],
    ]);
    expect(sender.capabilitiesOf(BOB)[0]?.facts.mediaTypes).toEqual(["text/plain"]);
    await rig.deliver(sender, {}, { alternatives: [text] });
    expect(core.seen.at(-1)?.headers.get("Content-Type")).toBe("text/plain");
  });

  it("holds up no push when the presence agent refuses", async () => {
    core.admit = () => ({ verdict: "refuse", statusCode: 403 });
    answers([405]);
    expect(await rig.deliver(await open({ presence: true }))).toMatchObject({
      messageState: "delivered",
      elapsedMs: 0,
    });
  });
});
