import { createRequest, type Flow, parseUri, type RequestInit, type SipUri } from "@sip-push/sip";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DS_TYPE, digestCredentials, ds, ReceiverRig, udp } from "../../../test/support/receiver-rig.ts";
import { TrustedHops } from "./identity.ts";
import type { PushReceiverOptions, RefusedEvent } from "./index.ts";

let rig: ReceiverRig;

beforeEach(async () => {
  rig = await ReceiverRig.start();
});

afterEach(async () => {
  expect(await rig.stop()).toBe(0);
});

describe("a push that is refused", () => {
  const cases: [string, Partial<PushReceiverOptions>, () => Partial<RequestInit>, number, [string, string]?][] = [
    ["of a dialog that is not ours (RFC 3261 §12.2.2)", {}, () => ({ ...ds(rig.notification()), toTag: "x" }), 481],
    ["too large", { limits: { maxBodyBytes: 20 } }, () => ds(rig.notification()), 413],
    ["with a body and no type (RFC 3261 §20.15)", {}, () => ({ body: rig.notification() }), 400],
    [
      "by somebody who is not trusted",
      { trustedPpgs: [{ address: "sip:psi@home.test" }] },
      () => ds(rig.notification()),
      403,
    ],
    ["for an application that is not here", { applications: ["syncml.dm"] }, () => ds(rig.notification()), 488],
    [
      "of a type that is not taken",
      {},
      () => ({ body: rig.notification(), headers: [["Content-Type", "image/png"]] }),
      415,
      [
        "Accept",
        `${DS_TYPE}, application/vnd.syncml+xml, application/vnd.syncml+wbxml, text/plain, ` +
          "message/cpim, multipart/mixed, multipart/related",
      ],
    ],
    [
      "in a coding that is not taken",
      {},
      () => ds(rig.notification(), [["Content-Encoding", "br"]]),
      415,
      ["Accept-Encoding", "identity, gzip, deflate"],
    ],
    [
      "that has expired",
      {},
      () =>
        ds(rig.notification(), [
          ["Date", "Wed, 31 Dec 2025 23:00:00 GMT"],
          ["Expires", "60"],
        ]),
      480,
    ],
    ["with a malformed notification", {}, () => ds(rig.notification().subarray(0, 24)), 400],
    ["with an empty notification", {}, () => ds(new Uint8Array(0)), 400],
    ["with another digest", { digest: { credentials: () => digestCredentials } }, () => ds(rig.notification()), 403],
    [
      "without credentials for its server, when unchecked ones are not accepted",
      { digest: { credentials: () => undefined, acceptUnchecked: false } },
      () => ds(rig.notification()),
      403,
    ],
  ];

  it.each(cases)("%s", async (_, options, init, statusCode, header) => {
    const receiver = await rig.open(options);
    const request = init();
    const response = await rig.send(request);
    expect(response.statusCode).toBe(statusCode);
    if (header !== undefined) expect(response.headers.get(header[0])).toBe(header[1]);
    expect(rig.pushes).toEqual([]);
    expect(rig.events.at(-1)).toMatchObject({
      event: "refused",
      from: "sip:psi@home.test",
      sipStatus: statusCode,
      length: request.body?.length,
    });
    expect(receiver.stats).toEqual({ pushes: 0, repeats: 0, refused: 1, inFlight: 0 });
    expect((await rig.send({})).statusCode).toBe(options.trustedPpgs === undefined ? 200 : 403);
  });

  it("names the field of a malformed notification in the reason phrase", async () => {
    await rig.open();
    expect((await rig.send(ds(rig.notification().subarray(0, 24)))).reason).toMatch(
      /^Bad Request \(serverId: .* \(octet 24\)\)$/,
    );
  });

  it("keeps what the peer wrote to one short line of printable characters", async () => {
    await rig.open();
    const names = Array.from({ length: 2000 }, (_, n) => `app${n}`).join(",");
    const accept = ["Accept-Contact", `*;+g.oma.pusheventapp="${names}"`] as const;
    expect((await rig.send({ headers: [accept], body: Buffer.from("x") })).statusCode).toBe(400);
    await rig.send({ headers: [accept, ["Content-Type", "text/plain"]], body: Buffer.from("x") });
    expect(rig.events.at(-1)).toMatchObject({ event: "refused", sipStatus: 488 });
    const { reason } = rig.events.at(-1) as RefusedEvent;
    expect(reason).toMatch(/^no application app0, app1, [ -~]+$/);
    expect(reason.length).toBe(200);
  });

  it("by another method gets 405 with Allow (RFC 3261 §8.2.1)", async () => {
    await rig.open();
    const response = await rig.send({ method: "PUBLISH" });
    const allow = "MESSAGE, NOTIFY, REFER, SUBSCRIBE, OPTIONS";
    expect([response.statusCode, response.headers.get("Allow")]).toEqual([405, allow]);
  });
});

describe("expiry (RFC 3428 §7)", () => {
  const late = (seconds: number) =>
    ds(rig.notification(), [
      ["Date", new Date(rig.clock.date().getTime() - seconds * 1000).toUTCString()],
      ["Expires", "60"],
    ]);

  it("allows for clocks that differ", async () => {
    await rig.open({ clockToleranceSeconds: 10 });
    expect([(await rig.send(late(70))).statusCode, (await rig.send(late(71))).statusCode]).toEqual([200, 480]);
  });

  it("is marked when the policy accepts it", async () => {
    await rig.open({ expired: "accept" });
    expect((await rig.send(late(3600))).statusCode).toBe(200);
    expect(rig.pushes[0]).toMatchObject({ expired: true, deliverBefore: new Date("2025-12-31T23:01:00Z") });
  });
});

describe("asserted identity (RFC 3325)", () => {
  const asserted: RequestInit["headers"] = [["P-Asserted-Identity", '"PSI" <sip:psi@home.test>, <tel:+1201>']];

  it("is believed from the proxy", async () => {
    await rig.open({ trustedPpgs: [{ address: "sip:psi@home.test" }] });
    expect((await rig.send(ds(rig.notification(), asserted))).statusCode).toBe(200);
    expect(rig.pushes[0]?.assertedIdentity).toBe("sip:psi@home.test");
  });

  it("is believed from a proxy whose IPv6 address is written in another way (RFC 5954 §4.2)", async () => {
    const proxy = parseUri("sip:[2001:DB8:0::1]") as SipUri;
    const request = createRequest({ method: "MESSAGE", requestUri: "sip:a@b", from: "sip:a@b", headers: asserted });
    const flow = { remote: { transport: "UDP", address: "2001:db8::1", port: 5060 } } as unknown as Flow;
    const identities = new TrustedHops(undefined, proxy, undefined).assertedIdentities(request, flow);
    expect(identities.map(({ text }) => text)).toEqual(["sip:psi@home.test", "tel:+1201"]);
  });

  it("is believed from nobody else", async () => {
    await rig.open({ proxy: "sip:192.0.2.77" });
    await rig.send(ds(rig.notification(), asserted));
    expect(rig.pushes[0]?.assertedIdentity).toBeNull();
  });

  it("is believed from the hops given, and from the proxy only if it is among them", async () => {
    await rig.open({ proxy: "sip:192.0.2.77", trustedHops: ["192.0.2.0/30"] });
    await rig.send(ds(rig.notification(), asserted));
    await rig.open({ listen: [udp("192.0.2.3")], trustedHops: ["10.0.0.0/8"] });
    await rig.send(ds(rig.notification(), asserted), "192.0.2.3");
    expect(rig.pushes.map(({ assertedIdentity }) => assertedIdentity)).toEqual(["sip:psi@home.test", null]);
  });

  it("that cannot be read is none", async () => {
    await rig.open();
    await rig.send(ds(rig.notification(), [["P-Asserted-Identity", '"unclosed']]));
    expect(rig.pushes[0]?.assertedIdentity).toBeNull();
  });
});
