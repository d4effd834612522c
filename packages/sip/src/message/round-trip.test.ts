import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeMessage } from "./decode.ts";
import { SipParseError } from "./errors.ts";
import { SipHeaders } from "./headers.ts";
import { type SipMessage, SipRequest, SipResponse } from "./message.ts";
import { isSound, rejectionOf } from "./validate.ts";

const token = fc.string({ unit: fc.constantFrom(..."abzAZ09-.!%*_+`'~".split("")), minLength: 1, maxLength: 10 });
const octet = fc.integer({ min: 0, max: 255 }).filter((code) => code !== 0x0d && code !== 0x0a);
const text = fc.string({ unit: octet.map((code) => String.fromCharCode(code)), maxLength: 30 });
/** A value as the reader gives it back: without blanks at its ends. */
const value = text.map((each) => each.replace(/^[ \t]+|[ \t]+$/g, ""));
const fields = fc.array(
  fc.tuple(
    token.filter((name) => !/^(?:content-length|l)$/i.test(name)),
    value,
  ),
  { maxLength: 12 },
);
const body = fc.uint8Array({ maxLength: 200 });
const uri = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 30,
});

const request: fc.Arbitrary<SipMessage> = fc
  .tuple(
    token.filter((method) => !/^SIP\//i.test(method)),
    uri,
    fields,
    body,
  )
  .map(([method, requestUri, lines, octets]) => new SipRequest(method, requestUri, SipHeaders.of(lines), octets));
const response: fc.Arbitrary<SipMessage> = fc
  .tuple(fc.integer({ min: 100, max: 699 }), text, fields, body)
  .map(([statusCode, reason, lines, octets]) => new SipResponse(statusCode, reason, SipHeaders.of(lines), octets));
const message = fc.oneof(request, response);

const startLine = (each: SipMessage): unknown[] =>
  each.kind === "request" ? [each.method, each.requestUri] : [each.statusCode, each.reason];

/** What the decoder makes of it, or the error; anything else that is thrown goes through. */
function decoded(octets: Uint8Array): SipMessage | SipParseError {
  try {
    return decodeMessage(octets);
  } catch (error) {
    if (error instanceof SipParseError) return error;
    throw error;
  }
}

function judged(octets: Uint8Array): unknown {
  const result = decoded(octets);
  if (result instanceof SipParseError) return result.code;
  return result.kind === "request" ? rejectionOf(result) : isSound(result);
}

describe("round trips of messages", () => {
  it("decode(encode(x)) is x", () => {
    fc.assert(
      fc.property(message, (original) => {
        const octets = original.encode();
        const again = decodeMessage(octets);
        expect(again.flaw).toBeUndefined();
        expect(startLine(again)).toEqual(startLine(original));
        expect([...again.headers]).toEqual([...original.headers]);
        expect(Buffer.from(again.body).equals(original.body)).toBe(true);
      }),
    );
  });

  it("encode(decode(octets)) is octets when nothing was changed, folds and compact forms included", () => {
    const blank = fc.constantFrom("", " ", "\t ", " \r\n ");
    const line = fc
      .tuple(token, fc.constantFrom("", " ", "\t"), blank, value, blank)
      .map((parts) => `${parts[0]}${parts[1]}:${parts[2]}${parts[3]}${parts[4]}\r\n`);
    const lines = fc.array(
      line.filter((each) => !/^(?:content-length|l)[ \t]*:/i.test(each)),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(lines, body, (head, octets) => {
        const original = Buffer.concat([
          Buffer.from(`MESSAGE sip:a@b SIP/2.0\r\n${head.join("")}L : 0${octets.length}\r\n\r\n`, "latin1"),
          octets,
        ]);
        const again = decodeMessage(original);
        for (const name of ["To", "Via", "x"]) again.headers.list(name);
        expect(Buffer.from(again.encode()).equals(original)).toBe(true);
        expect(Buffer.from(again.clone().encode()).equals(original)).toBe(true);
      }),
    );
  });

  it("a change touches its own field only", () => {
    fc.assert(
      fc.property(message, (original) => {
        const again = decodeMessage(original.encode());
        const before = [...again.headers];
        again.headers.prepend("Via", "SIP/2.0/UDP new").set("Max-Forwards", "1").remove("Max-Forwards").shift("Via");
        const kept = before.filter(([name]) => name.toLowerCase() !== "max-forwards");
        expect([...decodeMessage(again.encode()).headers]).toEqual(kept);
      }),
    );
  });
});

describe("what comes off the wire throws nothing but SipParseError", () => {
  it("any octets", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => void judged(octets)),
      { numRuns: 500 },
    );
  });

  it("anything that looks like a message", () => {
    const piece = fc.constantFrom(
      "MESSAGE sip:a@b SIP/2.0\r\n",
      "SIP/2.0 200 OK\r\n",
      "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n",
      "To: <sip:a@b>\r\n",
      "From: sip:a@b;tag=1\r\n",
      "Call-ID: 1\r\n",
      "CSeq: 1 MESSAGE\r\n",
      "Contact: *\r\n",
      "l: 3\r\n",
      "\r\n",
      "\n",
      "\r",
      " ",
      ":",
      ",",
      ";",
      '"',
      "<",
      ">",
      "\0",
      "\xff",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => void judged(Buffer.from(pieces.join(""), "latin1"))),
      { numRuns: 2000 },
    );
  });

  it("a message that ends too early, at any octet: it is dropped or refused, and never taken for whole", () => {
    const octets = Buffer.from(
      new SipRequest(
        "MESSAGE",
        "sip:bob@example.com",
        SipHeaders.of([
          ["Content-Length", "4"],
          ["Via", 'SIP/2.0/UDP [2001:db8::1]:5060;branch=z9hG4bK1;x="a,b"'],
          ["From", '"A \\"B\\"" <sip:a@b;lr>;tag=1'],
          ["To", "<sip:bob@example.com>"],
          ["Call-ID", "1@h"],
          ["CSeq", "1 MESSAGE"],
          ["Contact", "<sip:c@d>, <sip:e@f>"],
        ]),
        Uint8Array.of(0, 13, 10, 255),
      ).encode(),
    );
    expect(judged(octets)).toBeUndefined();
    for (let length = 0; length < octets.length; length++) {
      expect(judged(octets.subarray(0, length))).toEqual(
        expect.toSatisfy((verdict) => typeof verdict === "string" || verdict.statusCode === 400),
      );
    }
  });
});
