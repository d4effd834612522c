import { decodeMultipart, rootPart } from "@sip-push/bodies";
import { describe, expect, it } from "vitest";
import { PushInputError } from "./errors.ts";
import { multipartPush, type PushPart } from "./multipart-push.ts";

const everyOctet = Uint8Array.from({ length: 256 }, (_, i) => i);
const parts: readonly PushPart[] = [
  {
    contentType: "application/xml",
    body: new TextEncoder().encode("<a/>"),
    contentId: "root@x",
    contentLanguage: "en",
  },
  {
    contentType: "application/vnd.syncml.ds.notification",
    body: everyOctet,
    applicationId: "push.syncml",
    transferEncoding: "base64",
    contentDisposition: "attachment;handling=optional",
  },
  { contentType: "application/octet-stream", body: everyOctet, contentEncoding: "gzip" },
];

describe("multipart push (RFC 2046 §5.1, RFC 2387)", () => {
  it("gives back every part, base64 and binary, with its header fields", () => {
    const { contentType, body } = multipartPush(parts);
    const decoded = decodeMultipart(body, contentType);
    expect(decoded.subtype).toBe("mixed");
    expect(decoded.parts).toMatchObject([
      { contentType: "application/xml", contentId: "root@x", headers: [["Content-Language", "en"]] },
      {
        transferEncoding: "base64",
        contentDisposition: { type: "attachment", handling: "optional" },
        headers: [["X-Wap-Application-Id", "x-wap-application:push.syncml"]],
        body: everyOctet,
      },
      { contentEncoding: "gzip", body: everyOctet },
    ]);
  });

  it("names its root when it is related", () => {
    const { contentType, body } = multipartPush(parts, { subtype: "related" });
    expect(contentType).toContain('start="<root@x>";type="application/xml"');
    expect(rootPart(decodeMultipart(body, contentType)).contentId).toBe("root@x");
  });

  it.each([
    ["no parts", []],
    ["too many", Array.from({ length: 65 }, () => parts[0] as PushPart)],
    ["a part whose type is none", [{ contentType: "x", body: everyOctet }]],
    ["an id that is none", [{ contentType: "a/b", body: everyOctet, contentId: "<x>" }]],
    ["an application that is none", [{ contentType: "a/b", body: everyOctet, applicationId: "" }]],
    ["a disposition that is none", [{ contentType: "a/b", body: everyOctet, contentDisposition: ";" }]],
  ])("refuses %s", (_, bad) => {
    expect(() => multipartPush(bad)).toThrow(PushInputError);
  });

  it("holds each part to the size limit", () => {
    expect(() => multipartPush(parts, {}, { maxBodyBytes: 255 })).toThrow(
      expect.objectContaining({ code: "PUSH_BODY_TOO_LARGE" }),
    );
  });
});
