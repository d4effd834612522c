import { decodeCpim, dispositionRequests, imdnMessageId } from "@sip-push/bodies";
import { describe, expect, it } from "vitest";
import { PushInputError } from "./errors.ts";
import { PushRequestFactory } from "./message-request.ts";
import type { PushMessage } from "./push-message.ts";
import { fromRequest } from "./received-push.ts";
import { withReportRequest } from "./report-envelope.ts";

const sentAt = new Date("2026-01-01T00:00:00Z");
const everyOctet = Uint8Array.from({ length: 256 }, (_, i) => i);
const push: PushMessage = {
  applicationId: "push.syncml",
  contentType: "application/vnd.syncml.ds.notification",
  contentEncoding: "gzip",
  contentLanguage: "en",
  contentDisposition: "render;handling=optional",
  contentId: "a@pi.test",
  contentHeaders: [["X-Wap-Content-URI", "http://pi.test/ä"]],
  body: everyOctet,
};
const report = { messageId: "m1", sentAt };

describe("a push that asks for reports (RFC 5438 §7.1.1)", () => {
  it("has From, To, DateTime, Message-ID and what is asked for, and the content inside as it was", () => {
    const { contentType, body, ...rest } = withReportRequest(
      push,
      '"Push" <sip:psi@home.test>',
      "sip:alice@home.test;x=y",
      report,
    );
    expect([contentType, rest]).toEqual(["message/cpim", {}]);
    expect(new TextDecoder().decode(body).split("\r\n\r\n", 1)[0]?.split("\r\n")).toEqual([
      'From: "Push" <sip:psi@home.test>',
      "To: <sip:alice@home.test;x=y>",
      "DateTime: 2026-01-01T00:00:00.000Z",
      "NS: imdn <urn:ietf:params:imdn>",
      "imdn.Message-ID: m1",
      "imdn.Disposition-Notification: positive-delivery, negative-delivery",
    ]);
    const message = decodeCpim(body);
    expect(message.content).toEqual({
      contentType: push.contentType,
      contentEncoding: "gzip",
      contentDisposition: { type: "render", handling: "optional", params: new Map() },
      contentId: "a@pi.test",
      headers: [
        ["Content-Language", "en"],
        ["X-Wap-Content-URI", "http://pi.test/ä"],
      ],
      body: everyOctet,
    });
  });

  it("asks for what is wanted", () => {
    const { body } = withReportRequest(push, "sip:a@b", "sip:c@d", { ...report, dispositions: ["processing"] });
    const message = decodeCpim(body);
    expect([imdnMessageId(message), dispositionRequests(message)]).toEqual(["m1", ["processing"]]);
  });

  it("goes into the MESSAGE; coding and language stay with the content", () => {
    const factory = new PushRequestFactory({ role: "isc", from: "sip:psi@home.test" });
    const attempt = {
      requestUri: "sip:alice@192.0.2.1",
      to: "sip:alice@home.test",
      callId: "1",
      fromTag: "2",
      cseq: 1,
    };
    const request = factory.message(push, { ...attempt, report });
    const received = fromRequest(request, sentAt);
    expect(received).toMatchObject({
      mediaType: "message/cpim",
      contentEncoding: null,
      contentLanguage: null,
      contentDisposition: null,
    });
    expect(received.applicationIds).toEqual(["push.syncml"]);
    const to = decodeCpim(received.body).headers.find(({ name }) => name === "To");
    expect(to?.value).toBe("<sip:alice@home.test>");
  });

  it.each([
    ["an address that is none", "<sip:a@b", "m1"],
    ["a Message-ID with a line break", "sip:a@b", "m1\r\nTo: x"],
  ])("refuses %s", (_, from, messageId) => {
    expect(() => withReportRequest(push, from, "sip:c@d", { messageId, sentAt })).toThrow(PushInputError);
  });
});
