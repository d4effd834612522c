import { describe, expect, it, vi } from "vitest";
import { SipParseError } from "./errors.ts";
import {
  parseCSeq,
  parseDecimal,
  parseMediaType,
  parseRetryAfter,
  parseSeconds,
  parseSipDate,
  parseTokenWithParams,
  serializeSipDate,
} from "./fields.ts";

describe("CSeq (RFC 3261 §20.16)", () => {
  it.each([
    ["4711 INVITE", { seq: 4711, method: "INVITE" }],
    ["0009 \t MESSAGE", { seq: 9, method: "MESSAGE" }],
    ["4294967295 X", { seq: 4_294_967_295, method: "X" }],
  ])("%s", (text, cseq) => expect(parseCSeq(text)).toEqual(cseq));

  it.each([
    "",
    "1",
    "1 ",
    "1MESSAGE",
    "MESSAGE",
    "MESSAGE 1",
    "-1 X",
    "1.5 X",
    "0x1 X",
    "4294967296 X",
    "1 MES SAGE",
    "1 (X)",
    `${"9".repeat(400)} X`,
  ])("%j is none", (text) =>
    expect(() => parseCSeq(text)).toThrow(expect.objectContaining({ field: "CSeq", statusCode: 400 })),
  );
});

describe("numbers", () => {
  it("parseDecimal takes digits up to its limit", () => {
    expect([parseDecimal("0068", "Max-Forwards", 255), parseDecimal("4294967295", "X")]).toEqual([68, 4_294_967_295]);
    for (const text of ["", "-1", "+1", "1e2", "0x1", " 1", "256", "1.0", "NaN"]) {
      expect(() => parseDecimal(text, "Max-Forwards", 255)).toThrow(SipParseError);
    }
  });

  it("parseSeconds takes what is too large for the largest there is (§20.19)", () => {
    expect(["0", "3600", "4294967296", "9".repeat(400)].map((text) => parseSeconds(text, "Expires"))).toEqual([
      0, 3600, 4_294_967_295, 4_294_967_295,
    ]);
    for (const text of ["", "-1", "soon", "Thu, 01 Dec 1994 16:00:00 GMT"])
      expect(() => parseSeconds(text, "Expires")).toThrow(SipParseError);
  });

  it.each([
    ["18000;duration=3600", 18_000],
    ["120 (I'm in a meeting)", 120],
    [" 0 ", 0],
    ["99999999999", 4_294_967_295],
    ["120s", undefined],
    ["soon", undefined],
    ["-5", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("Retry-After %j is %s s (§20.33)", (text, seconds) => expect(parseRetryAfter(text)).toBe(seconds));
});

describe("media types (RFC 3261 §20.15)", () => {
  it.each([
    ["application/vnd.syncml.ds.notification", "application/vnd.syncml.ds.notification", []],
    ['Text / HTML ; Charset="ISO-8859-4"', "text/html", [["charset", '"ISO-8859-4"']]],
    ["multipart/mixed;boundary=a", "multipart/mixed", [["boundary", "a"]]],
    ["*/*", "*/*", []],
  ])("%s", (text, type, params) => {
    const parsed = parseMediaType(text);
    expect([parsed.type, [...parsed.params]]).toEqual([type, params]);
  });

  it.each([
    "",
    "text",
    "text/",
    "/plain",
    "text/plain/x",
    "text plain",
    "te xt/plain",
    "text/plain;",
    "text/plain charset=x",
    "a/\xe9",
  ])("%j is none", (text) => {
    expect(() => parseMediaType(text)).toThrow(expect.objectContaining({ field: "Content-Type" }));
  });

  it("a run of blanks costs no more than its length", () => {
    expect(() => parseMediaType(`a${" ".repeat(60_000)}b`)).toThrow(SipParseError);
  });
});

describe("token with parameters", () => {
  it("reads Event and its like", () => {
    const { value, params } = parseTokenWithParams(' oma-push ; event-app-id="a,b"', "Event");
    expect([value, [...params]]).toEqual(["oma-push", [["event-app-id", '"a,b"']]]);
    for (const text of ["", ";a", "a b", "a;"])
      expect(() => parseTokenWithParams(text, "Event")).toThrow(SipParseError);
  });
});

describe("SIP-date (RFC 3261 §20.17)", () => {
  it("is none when it is empty, even before any other was read", async () => {
    vi.resetModules();
    const fresh = await import("./fields.ts");
    expect(fresh.parseSipDate("")).toBeUndefined();
  });

  it("parseSipDate undoes serializeSipDate, to the second", () => {
    const date = new Date("2026-11-21T13:00:59Z");
    expect(serializeSipDate(date)).toBe("Sat, 21 Nov 2026 13:00:59 GMT");
    expect(parseSipDate(serializeSipDate(date))).toEqual(date);
  });

  it.each([
    "Sat, 21 Nov 2026 13:00:59 UTC",
    "Sat, 21 Nov 2026 13:00:59 +0000",
    "Sat, 21 Nov 2026 13:00:59",
    "Sun, 21 Nov 2026 13:00:59 GMT",
    "Sat, 31 Feb 2026 13:00:59 GMT",
    "Sat, 21 Nov 2026 25:00:59 GMT",
    "sat, 21 nov 2026 13:00:59 gmt",
    "Sat, 21 Nov 26 13:00:59 GMT",
    "Saturday, 21-Nov-26 13:00:59 GMT",
    "2026-11-21T13:00:59Z",
    "",
  ])("%j is none", (text) => expect(parseSipDate(text)).toBeUndefined());
});
