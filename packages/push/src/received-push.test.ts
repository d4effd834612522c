import { createRequest, decodeMessage, SipHeaders, SipRequest } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PushInputError } from "./errors.ts";
import { PushRequestFactory } from "./message-request.ts";
import type { PushMessage } from "./push-message.ts";
import { fromMessageRequest, fromRequest } from "./received-push.ts";

const at = new Date("2026-01-01T00:00:10Z");
const push: PushMessage = {
  applicationId: "5",
  contentType: "application/vnd.syncml.ds.notification",
  contentDisposition: "render",
  priority: "urgent",
  headers: [["Subject", "Käse"]],
  body: Uint8Array.of(0, 1, 2, 255),
};
const factory = new PushRequestFactory({ role: "isc", from: "sip:psi@home.test" });

/** What the notifier of the SIP stack makes of a notification, over the wire. */
function notified(message: PushMessage, date?: string): SipRequest {
  const {
    event = "",
    headers = [],
    contentType = "",
    body,
  } = factory.notification(message, {
    to: "sip:alice@home.test",
    ...(date !== undefined && { date }),
  });
  const request = createRequest({
    method: "NOTIFY",
    requestUri: "sip:alice@192.0.2.1",
    from: "sip:psi@home.test",
    headers: [
      ["Via", "SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1"],
      ["Event", event],
      ["Subscription-State", "active;expires=60"],
      ...headers,
      ["Content-Type", contentType],
    ],
    ...(body !== undefined && { body }),
  });
  return decodeMessage(request.encode()) as SipRequest;
}

describe("push in NOTIFY (draft-mdolly-dispatch-oma-push-00 §11.2)", () => {
  it("has one application in Event, the content header fields, Priority and Date, and neither Expires nor Accept-Contact", () => {
    expect(factory.notification(push, { to: "sip:a@b", date: "Thu, 01 Jan 2026 00:00:00 GMT" })).toEqual({
      event: 'oma-push;event-app-id="x-wap-application:push.syncml"',
      headers: [
        ["Date", "Thu, 01 Jan 2026 00:00:00 GMT"],
        ["Priority", "urgent"],
        ["Subject", "Käse"],
        ["Content-Disposition", "render"],
      ],
      contentType: push.contentType,
      body: push.body,
    });
  });

  it("comes back octet for octet, its application from Event", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
        const received = fromRequest(notified({ ...push, body }), at);
        expect([...received.body]).toEqual([...body]);
        expect(received).toMatchObject({
          via: "notify",
          applicationIds: ["push.syncml"],
          applicationIdSource: "event",
          mediaType: push.contentType,
          contentDisposition: "render",
          priority: "urgent",
          deliverBefore: null,
        });
      }),
    );
  });

  it("sends another representation, and asks for reports, when told", () => {
    const representation = { contentType: "text/plain", body: Uint8Array.of(65) };
    expect(factory.notification(push, { to: "sip:a@b", representation })).toMatchObject(representation);
    const report = { messageId: "m", sentAt: at };
    expect(factory.notification(push, { to: "sip:a@b", report })).toMatchObject({ contentType: "message/cpim" });
  });

  it("needs an application", () => {
    expect(() => factory.notification({ ...push, applicationId: null }, { to: "sip:a@b" })).toThrow(PushInputError);
  });
});

describe("reading a push out of a NOTIFY", () => {
  const received = (options: Parameters<typeof fromRequest>[2], ...headers: [string, string][]) =>
    fromRequest(new SipRequest("NOTIFY", "sip:a@b", SipHeaders.of(headers)), at, options);

  it("takes the application from Event, else from X-Wap-Application-Id, else from the Content-Type", () => {
    const event: [string, string] = ["o", 'oma-push;event-app-id="16"'];
    const wap: [string, string] = ["X-Wap-Application-Id", "mms.ua"];
    const type: [string, string] = ["c", "application/vnd.syncml.notification"];
    expect(received({}, event, wap, type)).toMatchObject({ applicationIds: ["ulp.ua"], applicationIdSource: "event" });
    expect(received({}, wap, type)).toMatchObject({
      applicationIds: ["mms.ua"],
      applicationIdSource: "x-wap-application-id",
    });
    expect(received({}, type)).toMatchObject({ applicationIds: ["syncml.dm"], applicationIdSource: "content-type" });
  });

  it("goes on to the next where the Event says nothing, and knows the old name behind its option", () => {
    const old: [string, string] = ["Event", 'push;event-app-id="ulp.ua"'];
    expect(received({}, old)).toMatchObject({ applicationIds: [], applicationIdSource: null });
    expect(received({ acceptOldName: true }, old)).toMatchObject({
      applicationIds: ["ulp.ua"],
      applicationIdSource: "event",
    });
    expect(received({}, ["Event", "oma-push"])).toMatchObject({ applicationIdSource: null });
    expect(received({}, ["Event", ";;"])).toMatchObject({ applicationIdSource: null });
  });

  it("gives an Event in a MESSAGE, and Expires in a NOTIFY, no meaning", () => {
    const headers = SipHeaders.of([
      ["Event", 'oma-push;event-app-id="16"'],
      ["Expires", "60"],
    ]);
    expect(fromMessageRequest(new SipRequest("MESSAGE", "sip:a@b", headers), at)).toMatchObject({
      via: "message",
      applicationIds: [],
      deliverBefore: new Date("2026-01-01T00:01:10Z"),
    });
    expect(received({}, ["Expires", "60"]).deliverBefore).toBeNull();
  });
});
