import { describe, expect, it } from "vitest";
import { decodeMessage } from "./decode.ts";
import { SipParseError } from "./errors.ts";
import { defaultLimits } from "./limits.ts";
import { type SipMessage, SipRequest, SipResponse } from "./message.ts";
import { isSound, rejectionOf } from "./validate.ts";

const head = [
  "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
  "Max-Forwards: 70",
  "From: <sip:a@example.com>;tag=1",
  "To: <sip:b@example.com>",
  "Call-ID: 1",
  "CSeq: 1 MESSAGE",
];
const octets = (...lines: string[]): Buffer => Buffer.from(lines.join("\r\n"), "latin1");
const message = (startLine: string, more: string[] = [], body = ""): Buffer =>
  octets(startLine, ...head, ...more, "", body);
const decodeRequest = (data: Uint8Array): SipRequest => {
  const decoded = decodeMessage(data);
  if (!(decoded instanceof SipRequest)) throw new Error("no request");
  return decoded;
};
const good = "MESSAGE sip:b@example.com SIP/2.0";

describe("decoding a datagram (RFC 3261 §7, §18.3)", () => {
  it("the body is a view of the octets, all 256 values of them", () => {
    const body = Uint8Array.from({ length: 256 }, (_, i) => i);
    const data = new Uint8Array(Buffer.concat([message(good, ["Content-Length: 256"]), body, Buffer.from("tail")]));
    const decoded = decodeMessage(data);
    expect(Buffer.from(decoded.body).equals(body)).toBe(true);
    expect(decoded.body.buffer).toBe(data.buffer);
  });

  it("without Content-Length the body is the rest", () => {
    expect(decodeMessage(message(good, [], "all of it\r\n")).body).toHaveLength(11);
    expect(decodeMessage(message(good)).body).toHaveLength(0);
  });

  it.each([
    ["0", 0],
    ["000000000000003", 3],
    ["5", 5],
  ])("Content-Length: %s takes as many octets", (length, taken) => {
    expect(decodeMessage(message(good, [`l: ${length}`], "12345")).body).toHaveLength(taken);
  });

  it.each(["6", "-1", "+1", "1.0", "1 2", "0x1", "1e0", "five", "", "99999999999999999999"])(
    "Content-Length: %s is answered",
    (length) => {
      const decoded = decodeRequest(message(good, [`Content-Length: ${length}`], "12345"));
      expect([decoded.flaw?.field, decoded.body.length]).toEqual(["Content-Length", 0]);
      expect(rejectionOf(decoded)?.statusCode).toBe(length.length > 10 ? 413 : 400);
    },
  );

  it.each([0, 1, 2, 5])("%i empty lines before the start line mean nothing (§7.5)", (count) => {
    const decoded = decodeRequest(Buffer.concat([Buffer.from("\r\n".repeat(count)), message(good, [], "body")]));
    expect([decoded.method, decoded.body.length, rejectionOf(decoded)]).toEqual(["MESSAGE", 4, undefined]);
  });

  it.each([
    ["MESSAGE sip:b@example.com SIP/2.0", "MESSAGE", "sip:b@example.com", undefined],
    ["MESSAGE sip:b@example.com sip/2.0", "MESSAGE", "sip:b@example.com", undefined],
    ["x tel:+1 SIP/2.0", "x", "tel:+1", undefined],
    ["MESSAGE sip:b@example.com SIP/2.1", "MESSAGE", "sip:b@example.com", 505],
    ["MESSAGE sip:b@example.com SIP/12.0", "MESSAGE", "sip:b@example.com", 505],
    ["MESSAGE\tsip:b@example.com SIP/2.0", "MESSAGE", "sip:b@example.com", 400],
    ["MESSAGE  SIP/2.0", "MESSAGE", "SIP/2.0", 400],
    ["MESSAGE SIP/2.0", "MESSAGE", "SIP/2.0", 400],
    ["MESSAGE a b SIP/2.0", "MESSAGE", "a", 400],
  ])("%j", (line, method, requestUri, statusCode) => {
    const decoded = decodeRequest(message(line));
    expect([decoded.method, decoded.requestUri, decoded.flaw?.statusCode]).toEqual([method, requestUri, statusCode]);
  });

  it.each([
    "",
    " ",
    "MESSAGE",
    "MESSAGE sip:b@example.com",
    "MESS@GE sip:b SIP/2.0",
    " MESSAGE sip:b SIP/2.0",
    "GET / HTTP/1.1",
    "MESSAGE sip:b SIP/2",
    "MESSAGE sip:bSIP/2.0",
    "\x16\x03\x01",
  ])("%j is no start line", (line) => expect(() => decodeMessage(message(line))).toThrow(SipParseError));

  it.each([
    ["SIP/2.0 200 OK", 200, "OK"],
    ["sip/2.0 603 Decline  it ", 603, "Decline  it "],
    ["SIP/2.0 100 ", 100, ""],
    ["SIP/2.0 199", 199, ""],
    ["SIP/2.0 699 \xd0\x9d\xd0\xb5\xd1\x82", 699, "\xd0\x9d\xd0\xb5\xd1\x82"],
  ])("%j", (line, statusCode, reason) => {
    const decoded = decodeMessage(message(line)) as SipResponse;
    expect([decoded instanceof SipResponse, decoded.statusCode, decoded.reason, isSound(decoded)]).toEqual([
      true,
      statusCode,
      reason,
      true,
    ]);
  });

  it.each([
    "SIP/2.0",
    "SIP/2.0 ",
    "SIP/2.0  200 OK",
    "SIP/2.0 20 OK",
    "SIP/2.0 2000 OK",
    "SIP/2.0 200OK",
    "SIP/2.0 700 X",
    "SIP/2.0 099 X",
    "SIP/3.0 200 OK",
    "SIP/2.0 -20 X",
  ])("%j is no Status-Line", (line) =>
    expect(() => decodeMessage(message(line))).toThrow(
      expect.objectContaining({ code: "SIP_BAD_START_LINE", field: "Status-Line" }),
    ),
  );

  it("a line that is no header field gets 400, whatever the others say", () => {
    const decoded = decodeRequest(message(good, ["no header field"]));
    expect(rejectionOf(decoded)).toEqual({
      statusCode: 400,
      problem: 'headers: not a header field: "no header field\\r\\n"',
    });
    expect(isSound(decodeMessage(message("SIP/2.0 200 OK", ["no header field"])) as SipResponse)).toBe(false);
  });

  it.each(["X: a\rb", "X: a\nb", "X\r: a", "\n"])(
    "a lone CR or LF in %j gets 400: others might see a line there",
    (line) => {
      const decoded = decodeRequest(message(good, [line, "Event: x"]));
      expect([rejectionOf(decoded)?.statusCode, decoded.headers.get("Event"), decoded.headers.has("X")]).toEqual([
        400,
        "x",
        false,
      ]);
    },
  );

  it("header fields that end with the datagram get 400; what ends within a line is dropped", () => {
    const data = octets(good, ...head, "");
    expect(rejectionOf(decodeRequest(data))).toEqual({
      statusCode: 400,
      problem: "message: no empty line behind the header fields",
    });
    expect(() => decodeMessage(data.subarray(0, -1))).toThrow(expect.objectContaining({ code: "SIP_TRUNCATED" }));
    for (const text of ["", "\r\n", "\r\n\r\n", "\0"])
      expect(() => decodeMessage(Buffer.from(text))).toThrow(SipParseError);
  });
});

describe("limits of the decoder", () => {
  const limits = { maxHeadBytes: 400, maxBodyBytes: 10, maxHeaders: 10 };

  it("too long a head is refused 513, a body 413, too many fields 513", () => {
    expect(decodeMessage(message(good, ["Content-Length: 10"], "0123456789"), limits).flaw).toBeUndefined();
    const long = message(good, [`X: ${"x".repeat(400)}`]);
    expect(() => decodeMessage(long, limits)).toThrow(
      expect.objectContaining({ code: "SIP_TOO_LARGE", statusCode: 513 }),
    );
    expect(() => decodeMessage(long.subarray(0, -2), limits)).toThrow(SipParseError);
    const many = message(
      good,
      Array.from({ length: 5 }, (_, i) => `X${i}: 1`),
    );
    expect(() => decodeMessage(many, limits)).toThrow(
      expect.objectContaining({ code: "SIP_TOO_LARGE", statusCode: 513 }),
    );
    expect(rejectionOf(decodeMessage(message(good, [], "0123456789a"), limits) as SipRequest)?.statusCode).toBe(413);
  });

  it("empty lines before the start line do not count as head", () => {
    const data = Buffer.concat([Buffer.from("\r\n".repeat(300)), message(good)]);
    expect(decodeMessage(data, limits).flaw).toBeUndefined();
  });

  it("are generous by default: 60,000 octets of one field, 256 fields", () => {
    const data = message(good, [`X: ${"x".repeat(60_000)}`, ...Array.from({ length: 249 }, (_, i) => `X${i}: 1`)]);
    expect(decodeMessage(data).headers.get("x")).toHaveLength(60_000);
    expect(defaultLimits).toEqual({ maxHeadBytes: 65_536, maxBodyBytes: 1_048_576, maxHeaders: 256 });
  });
});

describe("getters of a message", () => {
  it.each(["via", "from", "to", "cseq", "callId"] as const)("%s throws when it is missing", (name) => {
    const decoded: SipMessage = decodeMessage(octets("SIP/2.0 200 OK", "", ""));
    expect(() => decoded[name]).toThrow(expect.objectContaining({ code: "SIP_BAD_HEADER", statusCode: 400 }));
  });

  it("uri follows requestUri", () => {
    const request = decodeRequest(message(good));
    expect(request.uri).toBe(request.uri);
    request.requestUri = "sip:c@example.com";
    expect(request.uri).toMatchObject({ user: "c" });
    request.requestUri = "no uri";
    expect(() => request.uri).toThrow(expect.objectContaining({ code: "SIP_BAD_URI", field: "Request-URI" }));
  });
});
