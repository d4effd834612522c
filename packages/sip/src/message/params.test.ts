import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SipParseError } from "./errors.ts";
import { paramValue, parseParams, serializeParams } from "./params.ts";
import { quote } from "./text.ts";

describe("header parameters (RFC 3261 §25.1 generic-param)", () => {
  it.each([
    ["", []],
    [" \t", []],
    [";a", [["a", null]]],
    [
      "a=1;B=2",
      [
        ["a", "1"],
        ["b", "2"],
      ],
    ],
    [
      " ; a = 1 ;\tb ; c = x ",
      [
        ["a", "1"],
        ["b", null],
        ["c", "x"],
      ],
    ],
    [
      ';a="x;y\\"z";b',
      [
        ["a", '"x;y\\"z"'],
        ["b", null],
      ],
    ],
    [';a=""', [["a", '""']]],
    [
      ";maddr=[2001:db8::1];received=2001:db8::9:255",
      [
        ["maddr", "[2001:db8::1]"],
        ["received", "2001:db8::9:255"],
      ],
    ],
    [
      ';+g.oma.pusheventapp="push.syncml";require',
      [
        ["+g.oma.pusheventapp", '"push.syncml"'],
        ["require", null],
      ],
    ],
    [
      ';+sip.instance="<urn:uuid:0>";reg-id=1',
      [
        ["+sip.instance", '"<urn:uuid:0>"'],
        ["reg-id", "1"],
      ],
    ],
    [';x="\xd0\x9f\0"', [["x", '"\xd0\x9f\0"']]],
  ])("%j", (text, params) => {
    expect([...parseParams(text, "Contact")]).toEqual(params);
  });

  it.each([
    ";",
    ";;a",
    ";a;",
    ";a;;b",
    ";=1",
    ";a=",
    ";a=;b",
    ";a b",
    ";a=1 2",
    ';a="x',
    ';a="x"y',
    ";a=<x>",
    ";a=1;A=2",
    ";a=(x)",
    ";\xe9",
    ";a=\xe9",
    "a,b",
  ])("%j is an error that names the field", (text) => {
    expect(() => parseParams(text, "Contact")).toThrow(
      expect.objectContaining({ code: "SIP_BAD_HEADER", field: "Contact" }),
    );
  });

  it("serializeParams writes what parses to the same", () => {
    const token = fc.string({ unit: fc.constantFrom(..."abcXYZ019-.!%*_+`'~".split("")), minLength: 1, maxLength: 6 });
    const value = fc.oneof(
      token,
      fc.constant(null),
      fc.string({ unit: fc.constantFrom("a", '"', "\\", ";", "\xff", " ") }).map(quote),
    );
    const params = fc.uniqueArray(
      fc.tuple(
        token.map((name) => name.toLowerCase()),
        value,
      ),
      { selector: ([name]) => name },
    );
    fc.assert(
      fc.property(params, (entries) => {
        expect([...parseParams(serializeParams(new Map(entries)), "Contact")]).toEqual(entries);
      }),
    );
  });

  it("paramValue takes the quotes off", () => {
    const params = parseParams(';a="x\\"y";b;c=z', "Contact");
    expect(["a", "b", "c", "d"].map((name) => paramValue(params, name))).toEqual(['x"y', "", "z", undefined]);
  });

  it("nothing but SipParseError comes out of any text", () => {
    const text = fc.string({ unit: fc.constantFrom("a", ";", "=", '"', "\\", " ", "[", ",", "\xff") });
    fc.assert(
      fc.property(text, (each) => {
        try {
          parseParams(each, "Via");
        } catch (error) {
          expect(error).toBeInstanceOf(SipParseError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
