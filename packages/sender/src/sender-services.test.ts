import { encodePidf } from "@sip-push/bodies";
import { type PushCapabilities, type PushInputError, toPresence } from "@sip-push/push";
import { createRequest, SipEndpoint, type SipRequest, type SipResponse } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PushHandset } from "../../../test/support/push-handset.ts";
import { BOB, SenderRig, udp } from "../../../test/support/sender-rig.ts";
import { MemoryCapabilityStore } from "./capabilities/index.ts";
import type { SenderEvent } from "./events.ts";
import { PushSender, type PushSenderOptions } from "./index.ts";

const PSI = "sip:push-psi@home.test";

let rig: SenderRig;
let handset: PushHandset;

beforeEach(async () => {
  rig = new SenderRig();
  handset = await PushHandset.open(rig);
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

const open = (options: Partial<PushSenderOptions> = {}): Promise<PushSender> =>
  rig.open({ trusted: ["192.0.2.2"], ...options });

/** A sender on an endpoint that outlives it. */
async function openGuest(options: Partial<PushSenderOptions> = {}): Promise<PushSender> {
  const endpoint = await SipEndpoint.open({
    listen: [udp("192.0.2.1")],
    clock: rig.clock,
    open: rig.network.open,
    onRequest: (transaction) => sender.handle(transaction),
  });
  rig.closeLater(endpoint);
  const sender = await PushSender.open({ from: PSI, endpoint, ...options });
  rig.closeLater(sender);
  return sender;
}

const capabilities: PushCapabilities = {
  applications: ["push.syncml"],
  mediaTypes: ["text/plain"],
  encodings: [],
  maxBodyBytes: null,
  methods: ["MESSAGE"],
  eventPackages: [],
  optionTags: [],
  languages: [],
};

function publish(requestUri: string, to = requestUri): Promise<SipResponse> {
  const presence = toPresence(capabilities, { entity: BOB, contact: BOB, tupleId: "push-1" });
  const headers = [
    ["Event", "presence"],
    ["Expires", "600"],
    ["Content-Type", "application/pidf+xml"],
    ["P-Asserted-Identity", `<${BOB}>`],
  ] as const;
  return handset.send(
    createRequest({ method: "PUBLISH", requestUri, to, from: BOB, headers, body: encodePidf(presence) }),
  );
}

describe("a PUBLISH to the sender (RFC 3903 §4.1)", () => {
  it.each([
    [PSI, {}],
    ["sip:push-psi@192.0.2.1:5060", {}],
    ["sip:push-psi@192.0.2.1:5060;transport=tcp", {}],
    [
      "sip:push-psi@192.0.2.1:5061;transport=tls",
      { listen: [udp("192.0.2.1"), { ...udp("192.0.2.1"), transport: "WS", port: 5061 }] },
    ],
    ["sip:ppg@push.home.test", { contact: "sip:ppg@push.home.test" }],
    ["sip:other@home.test", { identity: "sip:other@home.test" }],
  ] as const)("is about who sends it when it names %s", async (requestUri, options) => {
    const sender = await open(options);
    expect((await publish(requestUri)).statusCode).toBe(200);
    expect(sender.capabilitiesOf(BOB)).toMatchObject([{ facts: { mediaTypes: ["text/plain"] } }]);
  });

  it("is refused when it names somebody else: 403, and nothing is learnt", async () => {
    const sender = await open();
    expect((await publish("sip:carol@home.test")).statusCode).toBe(403);
    expect(sender.capabilitiesOf(BOB)).toEqual([]);
  });
});

describe("news of a registration", () => {
  it("tells how a push notification service reaches the handset (RFC 8599), and what its contact takes", async () => {
    const events: SenderEvent[] = [];
    await open({ onEvent: (event) => void events.push(event) });
    const told = createRequest({
      method: "REGISTER",
      requestUri: "sip:home.test",
      from: BOB,
      headers: [
        ["Contact", '<sip:bob@192.0.2.9;pn-provider=fcm;pn-prid=token>;+g.oma.pusheventapp="push.syncml"'],
        ["Expires", "600"],
      ],
    });
    const register = createRequest({
      method: "REGISTER",
      requestUri: "sip:push-psi@192.0.2.1",
      from: "sip:scscf.home.test",
      to: BOB,
      headers: [
        ["Contact", "<sip:scscf.home.test>"],
        ["Expires", "600"],
        ["Content-Type", "message/sip"],
      ],
      body: encodeRegister(told),
    });
    expect((await handset.send(register)).statusCode).toBe(200);
    expect(events).toMatchObject([
      {
        event: "handset-registered",
        aor: BOB,
        contacts: [{ pn: { provider: "fcm", prid: "token", param: null }, applications: ["push.syncml"] }],
      },
    ]);
  });
});

describe("options", () => {
  it.each(["", "mailto:a@b", "sip:"])("refuse %j as a store-and-forward server that reports", async (uri) => {
    const problem: Partial<PushInputError> = { code: "PUSH_BAD_OPTION", field: "reports.intermediaries[1]" };
    await expect(open({ reports: { intermediaries: ["sip:relay.home.test", uri] } })).rejects.toMatchObject(problem);
  });
});

describe("a sender that cannot be opened", () => {
  it("says that it cannot register a telephone number", async () => {
    const problem: Partial<PushInputError> = { code: "PUSH_BAD_OPTION", field: "register" };
    await expect(open({ from: "tel:+12015550123", register: true })).rejects.toMatchObject(problem);
  });
});

describe("a sender that closes", () => {
  it("takes no more requests while it does, nor afterwards on an endpoint that goes on: 503", async () => {
    const sender = await openGuest({ trusted: ["192.0.2.2"] });
    const closing = sender.close();
    for (const method of ["PUBLISH", "MESSAGE", "REGISTER", "SUBSCRIBE", "OPTIONS"]) {
      const request = createRequest({ method, requestUri: PSI, from: BOB });
      expect([method, (await handset.send(request)).statusCode]).toEqual([method, 503]);
    }
    await rig.clock.until(closing);
    expect((await publish(PSI)).statusCode).toBe(503);
    expect(sender.capabilitiesOf(BOB)).toEqual([]);
  });

  it("asks and refers nobody any more, though its endpoint goes on", async () => {
    const sender = await openGuest({ capabilities: { query: true } });
    handset.answer = () => undefined;
    const asked = [sender.queryCapabilities(BOB), sender.refer(BOB, { event: { applicationIds: ["push.syncml"] } })];
    const pushed = sender.deliver(rig.push, { to: BOB });
    await rig.clock.advance(10);
    expect(handset.seen.map(({ method }) => method).sort()).toEqual(["OPTIONS", "OPTIONS", "REFER"]);
    await rig.clock.until(sender.close());
    expect(await Promise.all(asked)).toMatchObject([{ kind: "failed" }, { kind: "failed" }]);
    expect(await pushed).toMatchObject([{ messageState: "unknown", attempts: 0 }]);
    expect(await sender.queryCapabilities(BOB)).toMatchObject({ kind: "failed" });
    expect(await sender.refer(BOB, { event: { applicationIds: ["push.syncml"] }, report: true })).toMatchObject({
      kind: "failed",
    });
    expect(await sender.deliver(rig.push, { to: "sip:carol@192.0.2.2" })).toMatchObject([{ messageState: "unknown" }]);
    expect(handset.seen.length).toBe(3);
  });

  it("does not wait for a store that hangs", async () => {
    const store = new MemoryCapabilityStore();
    store.put = () => new Promise(() => {});
    const sender = await open({ capabilities: { store } });
    await publish(PSI);
    const startMs = rig.clock.now();
    await rig.clock.until(sender.close());
    expect(rig.clock.now() - startMs).toBeLessThan(1000);
  });
});

function encodeRegister({ headers, requestUri }: SipRequest): Uint8Array {
  const fields = ["Via", "From", "To", "Call-ID", "CSeq", "Contact", "Expires"].flatMap((name) =>
    headers.list(name).map((value) => `${name}: ${value}\r\n`),
  );
  const via = headers.has("Via") ? "" : "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n";
  return new TextEncoder().encode(
    `REGISTER ${requestUri} SIP/2.0\r\n${via}${fields.join("")}Content-Length: 0\r\n\r\n`,
  );
}
