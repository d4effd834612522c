import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { octetsOf, refusalOf, textOf } from "../testdata/checks.ts";
import { decodeSipfrag, encodeSipfrag } from "./sipfrag.ts";

describe("message/sipfrag (RFC 3420; RFC 3515 §2.4.5)", () => {
  it("writes and reads a status line", () => {
    expect(textOf(encodeSipfrag({ statusCode: 100, reasonPhrase: "Trying" }))).toBe("SIP/2.0 100 Trying\r\n");
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 699 }),
        fc.constantFrom("", "OK", "Nicht da: é"),
        (statusCode, reasonPhrase) => {
          expect(decodeSipfrag(encodeSipfrag({ statusCode, reasonPhrase }))).toEqual({ statusCode, reasonPhrase });
        },
      ),
    );
  });

  it.each(["SIP/2.0 200 OK", "SIP/2.0 200 OK\n", "sip/2.0 200  OK \r\nTo: x\r\n"])("takes %j", (text) => {
    expect(decodeSipfrag(octetsOf(text))).toEqual({ statusCode: 200, reasonPhrase: "OK" });
  });

  it.each([
    "",
    "SIP/2.0",
    "SIP/2.0 20",
    "SIP/2.0 700 x",
    "SIP/3.0 200 OK",
    "SIP/2.0 2000 OK",
    "INVITE sip:a@b SIP/2.0",
  ])("refuses %j", (text) => {
    expect(refusalOf(() => decodeSipfrag(octetsOf(text))).code).toBe("BODY_BAD_DOCUMENT");
  });

  it("keeps to its limit, and throws nothing but BodyError", () => {
    expect(refusalOf(() => decodeSipfrag(octetsOf("SIP/2.0 200 OK"), { maxOctets: 13 })).code).toBe("BODY_TOO_LARGE");
    fc.assert(
      fc.property(fc.uint8Array(), (octets) => {
        expect(refusalOf(() => decodeSipfrag(octets)).code).toBe("BODY_BAD_DOCUMENT");
      }),
    );
  });

  it.each([
    { statusCode: 99, reasonPhrase: "" },
    { statusCode: 700, reasonPhrase: "" },
    { statusCode: 200, reasonPhrase: "a\r\nb" },
  ])("does not write %j", (line) => {
    expect(refusalOf(() => encodeSipfrag(line)).code).toBe("BODY_BAD_VALUE");
  });
});
