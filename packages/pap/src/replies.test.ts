import { describe, expect, it } from "vitest";
import { PapError } from "./errors.ts";
import { decodePap, encodePap } from "./message.ts";
import { badMessageReply, badMessageResponse, refusalReply, replyTo } from "./replies.ts";
import { refusalOf } from "./testdata/checks.ts";
import { control, KANNEL_1_0, octetsOf, textOf } from "./testdata/documents.ts";

const received = (text: string): PapError => refusalOf(() => decodePap("application/xml", octetsOf(text)));

describe("badMessageReply", () => {
  it("answers in the version and with the DOCTYPE of the bad message", () => {
    const error = received(control('<push-message id="1"/>', KANNEL_1_0));
    const { contentType, body } = encodePap(badMessageReply(error));
    expect(contentType).toBe("application/xml");
    expect(textOf(body)).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE pap PUBLIC "${KANNEL_1_0}" "http://www.wapforum.org/DTD/pap_1.0.dtd">
<pap><badmessage-response code="2000" desc="pap/push-message/@id: &quot;id&quot; is unknown (octet ${error.offset})" bad-message-fragment="&lt;push-message id=&quot;1&quot;/&gt;"/></pap>
`);
  });

  it("answers in the newest version when there is nothing to go by", () => {
    expect(badMessageReply(received("hello"))).toEqual({
      version: "2.1",
      operation: expect.objectContaining({ kind: "badmessage-response", code: 2000, badMessageFragment: "hello" }),
    });
  });

  it("can be written whatever the bad message was, and is bounded", () => {
    const error = new PapError("PAP_BAD_XML", `\ud800\ufffe${"x".repeat(9999)}`, { badMessageFragment: "" });
    const { body } = encodePap(badMessageReply(error));
    expect(body.length).toBeLessThan(800);
    expect(decodePap("application/xml", body).operation).toEqual(
      expect.objectContaining({ kind: "badmessage-response", desc: expect.stringContaining("\ufffd\ufffdxxx") }),
    );
  });

  it("has no fragment when there are no octets", () => {
    expect(badMessageResponse(new PapError("PAP_BAD_VALUE", "x"))).toEqual({
      kind: "badmessage-response",
      code: 3000,
      desc: "pap: x",
    });
  });
});

describe("refusalReply", () => {
  it("answers in kind, and quotes, as far as the beginning of the message tells", () => {
    const beginning = octetsOf(control("<push-message ", KANNEL_1_0)).subarray(0, 120);
    expect(refusalReply(beginning, 2000, "too\u0000large")).toEqual({
      version: "1.0",
      publicId: KANNEL_1_0,
      operation: {
        kind: "badmessage-response",
        code: 2000,
        desc: "too\ufffdlarge",
        badMessageFragment: textOf(beginning),
      },
    });
  });

  it("answers in the newest version, and quotes nothing, when nothing came", () => {
    const operation = { kind: "badmessage-response", code: 4001, desc: "busy" };
    expect(refusalReply(new Uint8Array(), 4001, "busy")).toEqual({ version: "2.1", operation });
  });
});

describe("replyTo", () => {
  it("keeps the version and the DOCTYPE of the request", () => {
    const request = decodePap("application/xml", octetsOf(control('<statusquery-message push-id="1"/>', KANNEL_1_0)));
    const operation = { kind: "badmessage-response", code: 3001 } as const;
    expect(replyTo(request, operation)).toEqual({ version: "1.0", publicId: KANNEL_1_0, operation });
    expect(replyTo({ version: "2.0" }, operation)).toEqual({ version: "2.0", operation });
  });
});
