import { createHash } from "node:crypto";
import { createDsNotification } from "@sip-push/notification";
import { responseTo, SipEndpoint, staticResolver } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { acceptRegister, DS_TYPE, ds, HANDSET, NETWORK, ReceiverRig, udp } from "../../../test/support/receiver-rig.ts";
import { type IncomingPush, type PushEvent, PushReceiver, pushEventToJson } from "./index.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("a push that is taken", () => {
  it("is answered 200 without body and Contact (RFC 3428 §7), and told with its decoded notification", async () => {
    await rig.open();
    const body = rig.notification({ sessionId: 7, serverId: "sync.test" });
    const response = await rig.send({ ...ds(body), callId: "call-1", from: '"Käse" <sip:psi@home.test>' });
    expect([response.statusCode, response.body.length, response.headers.has("Contact")]).toEqual([200, 0, false]);
    expect(rig.pushes).toEqual([
      {
        event: "push",
        from: "sip:psi@home.test",
        assertedIdentity: null,
        applicationId: "push.syncml",
        contentType: DS_TYPE,
        body: Buffer.from(body),
        length: body.length,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
        via: "message",
        callId: "call-1",
        notification: createDsNotification({ sessionId: 7, serverId: "sync.test" }),
        digest: "unchecked",
        deliverBefore: null,
        expired: false,
        priority: null,
        subject: null,
        contentEncoding: null,
        contentLanguage: null,
        contentDisposition: null,
        parts: [],
        reportsAsked: [],
        pushResource: null,
        partHeaders: null,
        headers: expect.anything(),
        sipStatus: 200,
      },
    ]);
  });

  it("has the JSON form of the command line contract, new fields behind the old", async () => {
    await rig.open();
    await rig.send(ds(rig.notification({ sessionId: 1, serverId: "s" })));
    const json = JSON.parse(JSON.stringify(pushEventToJson(rig.pushes[0] as PushEvent))) as Record<string, unknown>;
    expect(Object.keys(json)).toEqual([
      ..."event from assertedIdentity applicationId contentType length sha256 via callId sipStatus notification".split(
        " ",
      ),
      ..."digest priority subject deliverBefore contentEncoding contentLanguage contentDisposition parts".split(" "),
      ..."reportsAsked pushResource contentHeaders".split(" "),
    ]);
    expect(json["notification"]).toMatchObject({ format: "ds-1.2", sessionId: 1, serverId: "s", vendor: "" });
  });

  it("keeps all 256 octet values, and its hash is that of the octets", async () => {
    await rig.open({ applications: ["x.app"] });
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    await rig.send({
      body,
      headers: [
        ["Content-Type", "application/octet-stream"],
        ["X-Wap-Application-Id", "x.app"],
      ],
    });
    expect(Buffer.from(rig.pushes[0]?.body ?? []).equals(Buffer.from(body))).toBe(true);
    expect(rig.pushes[0]).toMatchObject({
      applicationId: "x.app",
      sha256: "40aff2e9d2d8922e47afd4648e6967497158785fbd1da870e7110266bf944880",
      notification: null,
    });
  });

  it("has a hash that is computed when it is first read", async () => {
    const change = (push: IncomingPush): void => push.body.set([0x62]);
    await rig.open({ handlers: { default: change } });
    await rig.send({ body: Buffer.from("a"), headers: [["Content-Type", "text/plain"]] });
    expect(rig.pushes[0]?.sha256).toBe(createHash("sha256").update("b").digest("hex"));
    expect(Object.keys(rig.pushes[0] ?? {})).toContain("sha256");
  });

  it("may be a plain text, which every MESSAGE UAS takes (RFC 3428 §7)", async () => {
    await rig.open();
    const response = await rig.send({
      body: Buffer.from("hello"),
      headers: [["Content-Type", "text/plain;charset=utf-8"]],
    });
    expect(response.statusCode).toBe(200);
    expect(rig.pushes[0]).toMatchObject({
      applicationId: null,
      contentType: "text/plain;charset=utf-8",
      notification: null,
    });
  });

  it("may be empty, and then is an empty text", async () => {
    await rig.open();
    expect((await rig.send({})).statusCode).toBe(200);
    expect(rig.pushes[0]).toMatchObject({ contentType: "text/plain", length: 0 });
  });
});

describe("registration", () => {
  it("carries the feature tag of all applications in Contact (RFC 3840 §5) and is told", async () => {
    const receiver = await rig.open({
      register: true,
      applications: ["5", "syncml.dm"],
      expiresSeconds: 600,
      instanceId: "urn:uuid:1",
    });
    await rig.clock.advance(10);
    const contact = rig.registers[0]?.headers.get("Contact") ?? "";
    expect(contact).toContain(`<${receiver.contact}>`);
    expect(contact).toContain('+g.oma.pusheventapp="push.syncml,syncml.dm"');
    expect(contact).toContain('+sip.instance="<urn:uuid:1>"');
    expect(rig.events).toEqual([
      { event: "listening", uri: receiver.contact },
      { event: "registered", aor: "sip:bob@home.test", contact: receiver.contact, expiresSeconds: 600 },
    ]);
  });

  it("that is refused is told with status and reason, and tried again", async () => {
    rig.registrar = (request) => responseTo(request, 403);
    await rig.open({ register: true });
    await rig.clock.advance(10);
    expect(rig.events.at(-1)).toMatchObject({ event: "registration-failed", sipStatus: 403, reason: "Forbidden" });
    rig.registrar = acceptRegister;
    await rig.clock.advance(60_000);
    expect(rig.events.at(-1)).toMatchObject({ event: "registered" });
  });

  it("makes the registrar's address a trusted hop", async () => {
    await rig.open({
      register: true,
      proxy: "sip:proxy.test",
      trustedPpgs: [{ address: "sip:psi@home.test" }],
      stack: {
        resolver: staticResolver({ "proxy.test": { addresses: [NETWORK] } }),
      },
    });
    await rig.clock.advance(10);
    const asserted = ds(rig.notification(), [["P-Asserted-Identity", "<sip:psi@home.test>"]]);
    expect((await rig.send(asserted)).statusCode).toBe(200);
  });

  it("is removed by close, which refuses pushes meanwhile, ends handlers, and is idempotent", async () => {
    let aborted = false;
    const receiver = await rig.open({
      register: true,
      handlers: {
        default: (_, signal) => {
          signal.addEventListener("abort", () => (aborted = true));
          return new Promise<undefined>(() => {});
        },
      },
    });
    await rig.clock.advance(10);
    const running = rig.send({});
    await rig.clock.advance(10);
    rig.registrar = () => undefined;
    const closed = receiver.close();
    const late = rig.send({});
    await rig.clock.advance(999);
    await Promise.all([closed, receiver.close()]);
    expect((await running).statusCode).toBe(480);
    expect((await late).statusCode).toBe(480);
    expect(aborted).toBe(true);
    expect(rig.registers.at(-1)?.headers.get("Expires")).toBe("0");
    expect(rig.events.at(-1)).toEqual({ event: "unregistered", aor: "sip:bob@home.test" });
  });
});

describe("OPTIONS (RFC 3261 §11.2)", () => {
  it("tells what the receiver takes: Accept, Allow, Supported, and the feature tag in Contact (RFC 3840 §5)", async () => {
    const receiver = await rig.open({ eventPackages: ["presence"] });
    const { statusCode, headers } = await rig.send({ method: "OPTIONS" });
    expect(statusCode).toBe(200);
    expect(headers.get("Accept")).toContain(DS_TYPE);
    expect(headers.get("Accept-Encoding")).toBe("identity, gzip, deflate");
    expect(headers.get("Allow")).toBe("MESSAGE, NOTIFY, REFER, SUBSCRIBE, OPTIONS");
    expect(headers.get("Allow-Events")).toBe("oma-push, refer, presence");
    expect(headers.get("Supported")).toBe("outbound, path, pref, gruu, norefersub");
    expect(headers.get("Contact")).toBe(`<${receiver.contact}>;+g.oma.pusheventapp="push.syncml"`);
    expect(receiver.contact).toBe(`sip:bob@${HANDSET}:5060`);
  });
});

describe("options", () => {
  it.each([
    [{ aor: "bob" }, "aor"],
    [{ aor: "tel:+1" }, "aor"],
    [{ aor: "sip:home.test", register: true }, "aor"],
    [{ proxy: "x y" }, "proxy"],
    [{ listen: [] }, "listen"],
    [{ applications: ["a,b"] }, "applications[0]"],
    [{ trustedHops: ["x"] }, "trustedHops[0]"],
    [{ trustedPpgs: [{ address: "x" }] }, "trustedPpgs[0].address"],
    [{ limits: { maxInFlight: Number.NaN } }, "limits.maxInFlight"],
    [{ limits: { handlerTimeoutMs: Number.POSITIVE_INFINITY } }, "limits.handlerTimeoutMs"],
    [{ expiresSeconds: 0 }, "expiresSeconds"],
    [{ reports: "often" as "send" }, "reports.policy"],
    [{ reports: { maxAttempts: 0 } }, "reports.maxAttempts"],
  ])("%j is refused naming %s, and nothing stays open", async (options, field) => {
    await expect(rig.open(options)).rejects.toMatchObject({ name: "PushInputError", field });
    const again = await rig.open();
    expect(again.listening).toEqual([udp(HANDSET)]);
  });

  it("may name an endpoint of the caller's, who passes requests on and closes it", async () => {
    const receivers: PushReceiver[] = [];
    const endpoint = await SipEndpoint.open({
      listen: [udp(HANDSET)],
      clock: rig.clock,
      open: rig.network.open,
      onRequest: (transaction) => receivers[0]?.handle(transaction),
    });
    rig.closeLater(endpoint);
    const receiver = await PushReceiver.open({ aor: "sip:bob@home.test", endpoint, register: false });
    receivers.push(receiver);
    expect((await rig.send({})).statusCode).toBe(200);
    await receiver.close();
    expect((await rig.send({})).statusCode).toBe(480);
    expect(endpoint.listening.length).toBe(1);
  });
});
