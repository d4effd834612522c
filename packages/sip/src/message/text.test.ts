import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAllEscaped, trimBlanks, USER_CHAR } from "./chars.ts";
import { decodeText, encodeText, endOfQuoted, quote, splitOutside, TOKEN, unquote } from "./text.ts";

/** Text as it comes off the wire: one character per octet. */
const octetString = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) });

describe("octet strings and Unicode", () => {
  it("decodeText undoes encodeText", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => decodeText(encodeText(text)) === text));
  });

  it("encodeText gives one character per octet of UTF-8", () => {
    expect([encodeText("é€"), decodeText("\xc3\xa9\xe2\x82\xac")]).toEqual(["\xc3\xa9\xe2\x82\xac", "é€"]);
  });

  it("malformed UTF-8 becomes U+FFFD", () => expect(decodeText("a\xffb")).toBe("a\ufffdb"));
});

describe("quoted strings (RFC 3261 §25.1)", () => {
  it("unquote undoes quote", () => {
    fc.assert(fc.property(octetString, (text) => unquote(quote(text)) === text));
  });

  it("quote makes one quoted string, whatever is in it", () => {
    fc.assert(fc.property(octetString, (text) => endOfQuoted(quote(text), 0) === quote(text).length));
  });

  it.each([
    ['"a\\"b" c', 6],
    ['"a\\\\" c', 5],
    ['"never closes', -1],
    ['"ends in a backslash\\"', -1],
  ])("%s ends at %i", (text, end) => expect(endOfQuoted(text, 0)).toBe(end));

  it("unquote leaves other text alone", () =>
    expect([unquote("a\\b"), unquote('"'), unquote("")]).toEqual(["a\\b", '"', ""]));
});

describe("splitting lists (RFC 3261 §7.3.1)", () => {
  it.each([
    ["a, b ,c", ["a", "b", "c"]],
    ['"a,b" <sip:x@y;z=1,2>;q=1, <sip:c>', ['"a,b" <sip:x@y;z=1,2>;q=1', "<sip:c>"]],
    ['"quote \\", more", x', ['"quote \\", more"', "x"]],
    ["a (one, two (three, four)), b", ["a (one, two (three, four))", "b"]],
    ["a,,b,", ["a", "", "b", ""]],
    ['a, "never, closes', ["a", '"never, closes']],
    ["<sip:a, b>, c", ["<sip:a, b>", "c"]],
    ["", [""]],
  ])("%s at commas", (text, parts) => expect(splitOutside(text, ",")).toEqual(parts));

  it("at semicolons", () => expect(splitOutside('a;b=";";c', ";")).toEqual(["a", 'b=";"', "c"]));

  it("loses nothing but blanks: the parts joined give the text", () => {
    const piece = fc.string({
      unit: fc.constantFrom("a", '"', "\\", "<", ">", "(", ")", ",", ";", "\xa0"),
      maxLength: 20,
    });
    fc.assert(fc.property(piece, (text) => splitOutside(text, ",").join(",") === text));
  });
});

describe("character classes (RFC 3261 §25.1)", () => {
  it("trimBlanks takes SP and HTAB only: 0xA0 is half of a letter in UTF-8", () => {
    expect(trimBlanks(" \tvoil\xc3\xa0 \t")).toBe("voil\xc3\xa0");
  });

  it("TOKEN has the signs of `token`, no others", () => {
    const signs = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter((c) => TOKEN.test(c));
    expect(signs.join("")).toBe("!%'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_`abcdefghijklmnopqrstuvwxyz~");
  });

  it.each([
    ["a%41", true],
    ["%", false],
    ["%4", false],
    ["%4g", false],
    ["a%4", false],
    ["é", false],
    ["\u{1f600}", false],
    ["", true],
  ])("%s as a user part: %s", (text, ok) => expect(isAllEscaped(text, USER_CHAR, 0, text.length)).toBe(ok));
});
