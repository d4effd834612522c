import { describe, expect, it } from "vitest";
import { decodeMessage } from "./decode.ts";
import { SipParseError } from "./errors.ts";
import { SipHeaders } from "./headers.ts";
import { SipRequest, SipResponse } from "./message.ts";
import { responseTo } from "./response.ts";

const text = (message: { encode: () => Uint8Array }): string => Buffer.from(message.encode()).toString("latin1");

describe("encoding a message (RFC 3261 §7, §20.14)", () => {
  it("writes start line, fields, Content-Length last, and the body as it is", () => {
    const request = new SipRequest(
      "MESSAGE",
      "sip:b@h",
      SipHeaders.of([["To", "<sip:b@h>"]]),
      Uint8Array.of(0, 0x80, 0xff),
    );
    expect(text(request)).toBe("MESSAGE sip:b@h SIP/2.0\r\nTo: <sip:b@h>\r\nContent-Length: 3\r\n\r\n\0\x80\xff");
    expect(text(new SipResponse(200, "OK"))).toBe("SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
  });

  it("mends a Content-Length that is not the body's, in its place", () => {
    const headers = SipHeaders.of([
      ["l", "9"],
      ["To", "x"],
    ]);
    expect(text(new SipResponse(200, "", headers, Buffer.from("ab")))).toBe(
      "SIP/2.0 200 \r\nContent-Length: 2\r\nTo: x\r\n\r\nab",
    );
    expect(text(new SipResponse(200, "", SipHeaders.of([["l", ""]])))).toBe(
      "SIP/2.0 200 \r\nContent-Length: 0\r\n\r\n",
    );
  });

  it("leaves one with leading zeros as it was received", () => {
    const octets = Buffer.from("SIP/2.0 200 OK\r\nl:002\r\n\r\nab");
    expect(Buffer.from(decodeMessage(octets).encode()).equals(octets)).toBe(true);
  });

  it("encodedLength is what encode writes", () => {
    const made = new SipRequest("MESSAGE", "sip:b@h", SipHeaders.of([["To", "x"]]), Buffer.alloc(1234));
    const before = made.encodedLength();
    expect([before, made.encodedLength()]).toEqual([made.encode().length, before]);
  });

  it.each([
    ["a method with a line break", new SipRequest("MESSAGE\r\nX: y", "sip:b@h")],
    ["a URI with a line break", new SipRequest("MESSAGE", "sip:b@h SIP/2.0\r\nX: y")],
    ["a URI with a blank", new SipRequest("MESSAGE", "sip:b@h a")],
    ["no URI", new SipRequest("MESSAGE", "")],
    ["a URI outside ASCII", new SipRequest("MESSAGE", "sip:é@h")],
    ["a reason with a line break", new SipResponse(200, "OK\r\nX: y")],
    ["a reason with a lone LF", new SipResponse(200, "OK\nX: y")],
    ["a reason that is no octet string", new SipResponse(200, "Добро")],
  ])("refuses %s", (_, message) => {
    expect(() => message.encode()).toThrow(expect.objectContaining({ code: "SIP_BAD_START_LINE" }));
    expect(() => message.encode()).toThrow(SipParseError);
  });

  it("clones change apart and share the body", () => {
    const request = new SipRequest("MESSAGE", "sip:b@h", SipHeaders.of([["To", "x"]]), Buffer.from("a"));
    const clone = request.clone();
    clone.requestUri = "sip:c@h";
    clone.headers.set("To", "y");
    expect([request.requestUri, request.headers.get("To"), clone.body === request.body]).toEqual([
      "sip:b@h",
      "x",
      true,
    ]);
    const response = new SipResponse(404, "No");
    expect(response.clone()).toMatchObject({ statusCode: 404, reason: "No", isFinal: true });
    expect(new SipResponse(180, "").isFinal).toBe(false);
  });
});

describe("responses to a request (RFC 3261 §8.2.6)", () => {
  const request = decodeMessage(
    Buffer.from(
      [
        "MESSAGE sip:b@h SIP/2.0",
        "v: SIP/2.0/UDP p;branch=z9hG4bK2 , SIP/2.0/UDP q",
        "Via: SIP/2.0/TCP a",
        "f: A <sip:a@h>;tag=1",
        "t: <sip:b@h>",
        "i: x@y",
        "CSeq: 7 MESSAGE",
        "Timestamp: 54",
        "Route: <sip:r>",
        "",
        "",
      ].join("\r\n"),
    ),
  ) as SipRequest;

  it("copies Via, From, Call-ID, CSeq and To in order, and tags To", () => {
    const lines = text(responseTo(request, 200, { toTag: "t2" })).split("\r\n");
    expect(lines).toEqual([
      "SIP/2.0 200 OK",
      "Via: SIP/2.0/UDP p;branch=z9hG4bK2 , SIP/2.0/UDP q",
      "Via: SIP/2.0/TCP a",
      "From: A <sip:a@h>;tag=1",
      "To: <sip:b@h>;tag=t2",
      "Call-ID: x@y",
      "CSeq: 7 MESSAGE",
      "Content-Length: 0",
      "",
      "",
    ]);
  });

  it("100 has no tag, and the Timestamp; a tag that is there stays", () => {
    const trying = responseTo(request, 100);
    expect([trying.headers.get("To"), trying.headers.get("Timestamp")]).toEqual(["<sip:b@h>", "54"]);
    const tagged = request.clone();
    tagged.headers.set("To", '"x;tag=0>" <sip:b@h;tag=1>;Tag = 9');
    expect(responseTo(tagged, 200).headers.get("To")).toBe('"x;tag=0>" <sip:b@h;tag=1>;Tag = 9');
    tagged.headers.set("To", '"x;tag=0" <sip:b@h;tag=1>');
    expect(responseTo(tagged, 200).to.params.get("tag")).toMatch(/^[0-9a-f]{16}$/);
  });

  it("takes a reason, header fields and a body", () => {
    const response = responseTo(request, 415, {
      reason: "No",
      headers: [["Accept", "text/plain"]],
      body: Buffer.from("x"),
    });
    expect([response.reason, response.headers.get("Accept"), response.body.length]).toEqual(["No", "text/plain", 1]);
  });
});
