import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseNameAddr, serializeNameAddr } from "./address.ts";
import { SipParseError } from "./errors.ts";
import { encodeText } from "./text.ts";

describe("name-addr and addr-spec (RFC 3261 §20.10, §25.1)", () => {
  it.each([
    ["sip:a@b", undefined, "sip:a@b", []],
    ["<sip:a@b>", undefined, "sip:a@b", []],
    [" <sip:a@b> ;tag=1", undefined, "sip:a@b", [["tag", "1"]]],
    [
      "sip:a@b;tag=1 ; x",
      undefined,
      "sip:a@b",
      [
        ["tag", "1"],
        ["x", null],
      ],
    ],
    ["<sip:a@b;lr>;tag=1", undefined, "sip:a@b;lr", [["tag", "1"]]],
    ["Alice Lee <sip:a@b>", "Alice Lee", "sip:a@b", []],
    ["Alice<sip:a@b>", "Alice", "sip:a@b", []],
    ['"Alice, \\"A\\\\\\"" <sip:a@b>', 'Alice, "A\\"', "sip:a@b", []],
    ['"<sip:evil>" <sip:a@b>', "<sip:evil>", "sip:a@b", []],
    ['"" <sip:a@b>', undefined, "sip:a@b", []],
    [`"${encodeText("Ελένη 日本")}" <sip:a@b>`, "Ελένη 日本", "sip:a@b", []],
    ["<sip:a@b?x=1>;q=0.5", undefined, "sip:a@b?x=1", [["q", "0.5"]]],
    ["tel:+1;phone-context=x", undefined, "tel:+1", [["phone-context", "x"]]],
    ["<tel:+1;ext=2>", undefined, "tel:+1;ext=2", []],
    ["<urn:x:y>", undefined, "urn:x:y", []],
  ])("%s", (text, displayName, uriText, params) => {
    const address = parseNameAddr(text, "To");
    expect([address.displayName, address.uriText, [...address.params]]).toEqual([displayName, uriText, params]);
  });

  it.each([
    ["nothing", ""],
    ["brackets with nothing in them", "<>"],
    ["no closing bracket", "<sip:a@b"],
    ["text behind the bracket", "<sip:a@b> x"],
    ["two addresses", "<sip:a@b>, <sip:c@d>"],
    ["an open quote", '"Alice <sip:a@b>'],
    ["a quoted name and no bracket", '"Alice" sip:a@b'],
    ["text between name and bracket", '"Alice" x <sip:a@b>'],
    ["a comma in a bare name", "Lee, Alice <sip:a@b>"],
    ["a dot-less letter outside token", "Ren\xc3\xa9 <sip:a@b>"],
    ["a bare URI with headers", "sip:a@b?x=1"],
    ["blanks within the brackets", "< sip:a@b >"],
    ["a parameter twice", "<sip:a@b>;tag=1;tag=2"],
    ["an empty parameter", "<sip:a@b>;"],
    ["no scheme", "alice@b"],
  ])("%s: %s is an error that names the field", (_, text) => {
    expect(() => parseNameAddr(text, "From")).toThrow(expect.objectContaining({ field: "From" }));
    expect(() => parseNameAddr(text, "From")).toThrow(SipParseError);
  });

  it("serializeNameAddr writes what parses to the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (displayName) => {
        const text = serializeNameAddr({ displayName, uri: "sip:a@b", params: new Map([["tag", "1"]]) });
        const address = parseNameAddr(text, "To");
        expect([address.displayName ?? "", address.uriText, address.params.get("tag")]).toEqual([
          displayName,
          "sip:a@b",
          "1",
        ]);
      }),
    );
  });

  it("serializeNameAddr always writes brackets", () => {
    expect(serializeNameAddr({ uri: "sip:a@b;lr" })).toBe("<sip:a@b;lr>");
    expect(serializeNameAddr(parseNameAddr("SIP:A@B;x", "To"))).toBe("<sip:A@b>;x");
  });
});
