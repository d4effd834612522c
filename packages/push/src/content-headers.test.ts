import { decodeMessage, decodeText, type SipRequest } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { type ContentHeaders, isContentHeader } from "./content-headers.ts";
import { PushRequestFactory } from "./message-request.ts";
import { checkPush, type PushMessage } from "./push-message.ts";

const contentHeaders: ContentHeaders = [
  ["Content-Location", "http://pi.test/a"],
  ["Content-Description", "Käse"],
  ["Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"],
  ["X-Wap-Content-URI", "http://pi.test/b"],
  ["X-Wap-Initiator-URI", "http://pi.test/c"],
];
const push: PushMessage = {
  applicationId: "x.app",
  contentType: "text/plain",
  body: new Uint8Array(1),
  contentId: "1@pi.test",
  contentHeaders,
};

describe("header fields of content", () => {
  it("are those of MESSAGE and NOTIFY, as UTF-8", () => {
    checkPush(push);
    const factory = new PushRequestFactory({ role: "plain", from: "sip:a@b" });
    const request = factory.message(push, { requestUri: "sip:c@d", callId: "1", fromTag: "2", cseq: 1 });
    request.headers.prepend("Via", "SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK1");
    const { headers } = decodeMessage(request.encode()) as SipRequest;
    const told = [["Content-ID", "<1@pi.test>"], ...contentHeaders];
    const isOfContent = (name: string): boolean => isContentHeader(name) || name === "Content-ID";
    const decoded = (fields: Iterable<readonly [string, string]>): unknown[] =>
      [...fields].filter(([name]) => isOfContent(name)).map(([name, value]) => [name, decodeText(value)]);
    expect(decoded(headers)).toEqual(told);
    const notification = factory.notification(push, { to: "sip:c@d" }).headers ?? [];
    expect(notification.filter(([name]) => isOfContent(name))).toEqual(told);
  });

  it.each([
    "Content-Type",
    "Content-Length",
    "content-encoding",
    "Content-Language",
    "Content-Disposition",
    "Content-Transfer-Encoding",
    "Content-ID",
    "X-Wap-Application-Id",
    "Expires",
    "Date",
    "Subject",
    "Route",
    "P-Asserted-Identity",
    "Content-Location\r\nRoute",
    "X-Wap-",
  ])("have a member of their own, or would say something of the request: %j", (name) => {
    expect(isContentHeader(name)).toBe(false);
    expect(() => checkPush({ ...push, contentHeaders: [[name, "x"]] })).toThrow("contentHeaders");
  });

  it.each<[string, Partial<PushMessage>]>([
    ["contentHeaders", { contentHeaders: [["Content-Location", "a\r\nRoute: <sip:evil>"]] }],
    ["contentHeaders", { contentHeaders: [["Content-Location", "a\0"]] }],
    ["contentHeaders", { contentHeaders: Array.from({ length: 33 }, () => ["Content-Location", "a"] as const) }],
    ["contentHeaders", { contentHeaders: [["Content-Location", "a".repeat(4_081)]] }],
    ["contentId", { contentId: "a>\r\nRoute: <sip:evil" }],
    ["contentId", { contentId: "" }],
  ])("are refused by the name of the field: %s", (field, changes) => {
    expect(() => checkPush({ ...push, ...changes })).toThrow(field);
  });
});
