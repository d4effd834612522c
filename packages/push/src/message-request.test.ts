import { decodeMessage, SipHeaders, SipRequest } from "@sip-push/sip";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PushBinding } from "./message-request.ts";
import { PushRequestFactory, toMessageRequest } from "./message-request.ts";
import type { PushMessage } from "./push-message.ts";
import { fromMessageRequest } from "./received-push.ts";

const everyOctet = Uint8Array.from({ length: 256 }, (_, i) => i);
const push: PushMessage = {
  applicationId: "x-wap-application:push.syncml",
  contentType: "application/vnd.syncml.ds.notification",
  body: everyOctet,
};
const binding: PushBinding = { role: "isc", from: "sip:push-psi@home.test", userAgent: "sip-push" };
const attempt = {
  requestUri: "sip:user@home.test",
  callId: "call1",
  fromTag: "tag1",
  cseq: 3,
  validity: { date: "Thu, 01 Jan 2026 00:00:00 GMT", expiresSeconds: 3600 },
};
const at = new Date("2026-01-01T00:00:10Z");

function overTheWire(request: SipRequest): SipRequest {
  request.headers.prepend("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1");
  return decodeMessage(request.encode()) as SipRequest;
}

describe("push -> MESSAGE (OMA SIP Push; RFC 3428 §4)", () => {
  it("has the header fields of the binding, the raw body, and no Contact", () => {
    const request = toMessageRequest(push, binding, attempt);
    const head = Buffer.from(request.encode()).toString("latin1").split("\r\n\r\n", 1)[0]?.split("\r\n");
    expect(head).toEqual([
      "MESSAGE sip:user@home.test SIP/2.0",
      "Max-Forwards: 70",
      "From: <sip:push-psi@home.test>;tag=tag1",
      "To: <sip:user@home.test>",
      "Call-ID: call1",
      "CSeq: 3 MESSAGE",
      "P-Asserted-Identity: <sip:push-psi@home.test>",
      "Request-Disposition: no-fork",
      "User-Agent: sip-push",
      'Accept-Contact: *;+g.oma.pusheventapp="push.syncml";require;explicit',
      "Date: Thu, 01 Jan 2026 00:00:00 GMT",
      "Expires: 3600",
      "Content-Type: application/vnd.syncml.ds.notification",
      "Content-Length: 256",
    ]);
    expect(overTheWire(toMessageRequest(push, binding, attempt)).body).toEqual(Buffer.from(everyOctet));
  });

  it.each([
    ["isc", "P-Asserted-Identity"],
    ["gm", "P-Preferred-Identity"],
  ] as const)("says who it is at %s in %s (RFC 3325)", (role, name) => {
    const identity = '"Push" <sip:psi@home.test>';
    expect(toMessageRequest(push, { ...binding, role, identity }, attempt).headers.get(name)).toBe(identity);
  });

  it("says nothing of identity in a plain network", () => {
    const { headers } = toMessageRequest(push, { ...binding, role: "plain" }, attempt);
    expect([headers.has("P-Asserted-Identity"), headers.has("P-Preferred-Identity")]).toEqual([false, false]);
  });

  it("carries route set, priority, coding, language and own header fields, and keeps To when redirected", () => {
    const factory = new PushRequestFactory({
      ...binding,
      route: ["<sip:a;lr>", "<sip:b;lr>"],
      acceptContact: { explicit: false },
    });
    const rich: PushMessage = {
      ...push,
      priority: "urgent",
      contentEncoding: "gzip",
      contentLanguage: "en",
      headers: [["Subject", "Käse"]],
    };
    const { headers, requestUri } = factory.message(rich, {
      ...attempt,
      requestUri: "sip:x@y",
      to: "sip:user@home.test",
    });
    expect(requestUri).toBe("sip:x@y");
    expect(headers.get("To")).toBe("<sip:user@home.test>");
    expect(headers.getAll("Route")).toEqual(["<sip:a;lr>", "<sip:b;lr>"]);
    expect(headers.get("Accept-Contact")).toBe('*;+g.oma.pusheventapp="push.syncml";require');
    expect(["Priority", "Content-Encoding", "Content-Language"].map((name) => headers.get(name))).toEqual([
      "urgent",
      "gzip",
      "en",
    ]);
    expect(Buffer.from(headers.get("Subject") ?? "", "latin1").toString("utf8")).toBe("Käse");
  });

  it("sends another representation when told, and neither Accept-Contact nor Expires when there is nothing to say", () => {
    const { validity: _, ...plain } = attempt;
    const representation = { contentType: "text/plain", body: new Uint8Array([65]) };
    const request = toMessageRequest({ ...push, applicationId: null }, binding, { ...plain, representation });
    expect(["Accept-Contact", "Expires", "Date"].map((name) => request.headers.has(name))).toEqual([
      false,
      false,
      false,
    ]);
    expect([request.headers.get("Content-Type"), request.body.length]).toEqual(["text/plain", 1]);
  });
});

describe("MESSAGE -> push", () => {
  const received = (...headers: [string, string][]) =>
    fromMessageRequest(new SipRequest("MESSAGE", "sip:a@b", SipHeaders.of(headers)), at);

  it("gives back what was sent, octet for octet", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (body) => {
        const result = fromMessageRequest(overTheWire(toMessageRequest({ ...push, body }, binding, attempt)), at);
        expect(Buffer.from(result.body).equals(Buffer.from(body))).toBe(true);
        expect(result).toMatchObject({
          applicationIds: ["push.syncml"],
          applicationIdSource: "accept-contact",
          mediaType: "application/vnd.syncml.ds.notification",
          deliverBefore: new Date("2026-01-01T01:00:00Z"),
        });
      }),
    );
  });

  it("takes the application from Accept-Contact, else X-Wap-Application-Id, else the Content-Type", () => {
    const accept: [string, string] = ["Accept-Contact", '*;+g.oma.pusheventapp="ulp.ua,mms.ua"'];
    const wap: [string, string] = ["X-Wap-Application-Id", "144"];
    const type: [string, string] = ["c", "Application/vnd.syncml.notification;charset=x"];
    expect(received(accept, wap, type)).toMatchObject({
      applicationIds: ["ulp.ua", "mms.ua"],
      applicationIdSource: "accept-contact",
    });
    expect(received(wap, type)).toMatchObject({
      applicationIds: ["ulp.ua"],
      applicationIdSource: "x-wap-application-id",
    });
    expect(received(type)).toMatchObject({
      applicationIds: ["syncml.dm"],
      applicationIdSource: "content-type",
      mediaType: "application/vnd.syncml.notification",
      contentType: type[1],
    });
    expect(received(["Content-Type", "text/plain"])).toMatchObject({ applicationIds: [], applicationIdSource: null });
    expect(received()).toMatchObject({ mediaType: null, contentType: null, deliverBefore: null });
  });

  it("counts Expires from Date, without a Date from receipt (RFC 3428 §7)", () => {
    expect(received(["Expires", "60"], ["Date", "Thu, 01 Jan 2026 00:00:00 GMT"]).deliverBefore).toEqual(
      new Date("2026-01-01T00:01:00Z"),
    );
    expect(received(["Expires", "60"]).deliverBefore).toEqual(new Date("2026-01-01T00:01:10Z"));
    expect(received(["Expires", "60"], ["Date", "yesterday"]).deliverBefore).toEqual(new Date("2026-01-01T00:01:10Z"));
  });

  it("holds deliver-before to what a Date can say, whatever Expires and Date add up to", () => {
    const last = "Sat, 13 Sep 275760 00:00:00 GMT";
    expect(received(["Expires", "4294967295"], ["Date", last]).deliverBefore).toEqual(new Date(last));
  });
});
