import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SipParseError } from "./errors.ts";
import {
  bareHost,
  hostInUri,
  isNumericHost,
  parseHostPort,
  parseUri,
  serializeUri,
  unescapeUnreserved,
} from "./uri.ts";

const none = new Map();

describe("sip and sips URIs (RFC 3261 §19.1)", () => {
  it.each([
    ["sip:alice@atlanta.com", { scheme: "sip", user: "alice", host: "atlanta.com", params: none, headers: [] }],
    [
      "sip:alice:secretword@atlanta.com;transport=tcp",
      {
        scheme: "sip",
        user: "alice",
        password: "secretword",
        host: "atlanta.com",
        params: new Map([["transport", "tcp"]]),
        headers: [],
      },
    ],
    [
      "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
      {
        scheme: "sips",
        user: "alice",
        host: "atlanta.com",
        params: none,
        headers: [
          ["subject", "project%20x"],
          ["priority", "urgent"],
        ],
      },
    ],
    [
      "sip:+1-212-555-1212:1234@gateway.com;user=phone",
      {
        scheme: "sip",
        user: "+1-212-555-1212",
        password: "1234",
        host: "gateway.com",
        params: new Map([["user", "phone"]]),
        headers: [],
      },
    ],
    ["sips:1212@gateway.com", { scheme: "sips", user: "1212", host: "gateway.com", params: none, headers: [] }],
    ["sip:alice@192.0.2.4", { scheme: "sip", user: "alice", host: "192.0.2.4", params: none, headers: [] }],
    [
      "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
      {
        scheme: "sip",
        host: "atlanta.com",
        params: new Map([["method", "REGISTER"]]),
        headers: [["to", "alice%40atlanta.com"]],
      },
    ],
    [
      "sip:alice;day=tuesday@atlanta.com",
      { scheme: "sip", user: "alice;day=tuesday", host: "atlanta.com", params: none, headers: [] },
    ],
  ])("§19.1.3 example: %s", (text, uri) => {
    expect(parseUri(text)).toEqual(uri);
    expect(serializeUri(parseUri(text))).toBe(text);
  });

  it.each([
    ["the scheme in capitals", "SIP:Alice@HOST", { scheme: "sip", user: "Alice", host: "host" }],
    ["a port", "sip:host:5060", { host: "host", port: 5060 }],
    ["an empty password", "sip:a:@host", { user: "a", password: "" }],
    [
      "? and ; in the user part",
      "sip:a?b;c=d@host;e=f?g=h",
      { user: "a?b;c=d", params: new Map([["e", "f"]]), headers: [["g", "h"]] },
    ],
    [
      "parameter names in any case and escaped",
      "sip:h;LR;%74ransport=TCP",
      {
        params: new Map([
          ["lr", null],
          ["transport", "TCP"],
        ]),
      },
    ],
    [
      "a header without a value",
      "sip:h?a=&b=c",
      {
        headers: [
          ["a", ""],
          ["b", "c"],
        ],
      },
    ],
    [
      "underscores and leading digits, as container names have them",
      "sip:push_proxy-1.3f2a",
      { host: "push_proxy-1.3f2a" },
    ],
    ["a dot behind the top label", "sip:example.com.", { host: "example.com." }],
    ["IPv6 in a parameter", "sip:h;maddr=[2001:db8::1]", { params: new Map([["maddr", "[2001:db8::1]"]]) }],
  ])("takes %s: %s", (_, text, uri) => expect(parseUri(text)).toMatchObject(uri));

  it.each([
    "",
    "alice@atlanta.com",
    "sip",
    "sip:",
    "sip:@host",
    "sip::pw@host",
    "sip:a@",
    "sip:a@b@c",
    "sip:a b@host",
    "sip:a@ho st",
    "sip:a@host ",
    " sip:a@host",
    "sip:a%4@host",
    "sip:a%zz@host",
    "sip:a\u0001@host",
    "sip:\xe9@host",
    "sip:a:p;w@host",
    "sip:-host",
    "sip:host-",
    "sip:.host",
    "sip:a..b",
    "sip:.",
    "sip:a.-b",
    "sip:host:",
    "sip:host:x",
    "sip:host:65536",
    "sip:host:123456",
    "sip:host:-1",
    "sip:host:5060:1",
    "sip:host;",
    "sip:host;;a",
    "sip:host;=a",
    "sip:host;a=",
    'sip:host;a="b"',
    "sip:host;a=1;A=2",
    "sip:host;a=1;%61=2",
    "sip:host?",
    "sip:host?a",
    "sip:host?=b",
    "sip:host?a=b&",
    "sip:host?a=b c",
    "<sip:host>",
    "1sip:host",
    "http:",
    "http://a b",
    "http://\xe9",
  ])("%j is no URI", (text) =>
    expect(() => parseUri(text, "To")).toThrow(expect.objectContaining({ code: "SIP_BAD_URI", field: "To" })),
  );

  it("other schemes are kept as they are", () => {
    expect(parseUri("urn:service:sos")).toEqual({ scheme: "other", text: "urn:service:sos" });
    expect(serializeUri(parseUri("HTTP://Host/Path?q=1"))).toBe("HTTP://Host/Path?q=1");
  });

  it("serializeUri writes what parses to the same again", () => {
    const unreserved = fc.constantFrom(..."aZ0-_.!~*'()".split(""), "%41", "%3b");
    const word = (extra: string): fc.Arbitrary<string> =>
      fc.string({ unit: fc.oneof(unreserved, fc.constantFrom(...extra)), minLength: 1, maxLength: 8 });
    const host = fc.constantFrom("h", "example.com", "192.0.2.1", "[2001:db8::1]", "a-b.c_d");
    const uri = fc
      .record({
        user: fc.option(word("&=+$,;?/")),
        password: fc.option(word("&=+$,")),
        host,
        port: fc.option(fc.nat(65_535)),
        params: fc.uniqueArray(fc.tuple(word("[]/:&+$"), fc.option(word("[]/:&+$"))), {
          maxLength: 3,
          selector: ([name]) => unescapeUnreserved(name).toLowerCase(),
        }),
        headers: fc.array(fc.tuple(word("[]/?:+$"), word("[]/?:+$")), { maxLength: 3 }),
      })
      .map((parts) => {
        const info = parts.user === null ? "" : `${parts.user}${parts.password === null ? "" : `:${parts.password}`}@`;
        const params = parts.params
          .map(([name, value]) => (value === null ? `;${name}` : `;${name}=${value}`))
          .join("");
        const headers = parts.headers.map(([name, value]) => `${name}=${value}`).join("&");
        return `sip:${info}${parts.host}${parts.port === null ? "" : `:${parts.port}`}${params}${headers === "" ? "" : `?${headers}`}`;
      });
    fc.assert(
      fc.property(uri, (text) => {
        const parsed = parseUri(text);
        expect(parseUri(serializeUri(parsed))).toEqual(parsed);
      }),
    );
  });

  it("nothing but SipParseError comes out of any text", () => {
    const piece = fc.constantFrom(
      "sip:",
      "sips:",
      "tel:",
      "a",
      "1",
      "@",
      ":",
      ";",
      "=",
      "?",
      "&",
      "%",
      "%41",
      "[",
      "]",
      "::",
      ".",
      "-",
      "+",
      " ",
      "\xff",
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        try {
          parseUri(pieces.join(""));
        } catch (error) {
          expect(error).toBeInstanceOf(SipParseError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("tel URIs (RFC 3966 §3)", () => {
  it.each([
    ["tel:+1-201-555-0123", "+1-201-555-0123", none],
    ["tel:7042;phone-context=example.com", "7042", new Map([["phone-context", "example.com"]])],
    ["tel:863-1234;phone-context=+1-914-555", "863-1234", new Map([["phone-context", "+1-914-555"]])],
    ["TEL:+44(0)20.7946", "+44(0)20.7946", none],
    ["tel:*#06#", "*#06#", none],
    [
      "tel:aF1;ext=12;isub=3",
      "aF1",
      new Map([
        ["ext", "12"],
        ["isub", "3"],
      ]),
    ],
  ])("%s", (text, number, params) => expect(parseUri(text)).toEqual({ scheme: "tel", number, params }));

  it.each(["tel:", "tel:+", "tel:-", "tel:+a", "tel:+1*2", "tel:g", "tel:1 2", "tel:+1;", "tel:;ext=1", "tel:1;ext="])(
    "%s is none",
    (text) => {
      expect(() => parseUri(text)).toThrow(SipParseError);
    },
  );

  it("a number that is wrong at its very end costs no more than its length", () => {
    expect(() => parseUri(`tel:+${"1".repeat(60_000)}!`)).toThrow(SipParseError);
    expect(() => parseUri(`tel:${"1".repeat(60_000)}!`)).toThrow(SipParseError);
    expect(() => parseUri(`sip:${"a-".repeat(30_000)}!`)).toThrow(SipParseError);
  });
});

describe("hosts", () => {
  it.each([
    ["Example.COM:5060", { host: "example.com", port: 5060 }],
    ["[2001:DB8::1]", { host: "[2001:db8::1]" }],
    ["[::]:0", { host: "[::]", port: 0 }],
  ])("%s", (text, parsed) => expect(parseHostPort(text, "Via")).toEqual(parsed));

  it("with and without brackets", () => {
    expect(["[::1]", "::1", "h", "192.0.2.1"].map(bareHost)).toEqual(["::1", "::1", "h", "192.0.2.1"]);
    expect(["::1", "h", "192.0.2.1"].map(hostInUri)).toEqual(["[::1]", "h", "192.0.2.1"]);
    expect(["[::1]", "::1", "192.0.2.1", "h", "1.2.3"].map(isNumericHost)).toEqual([true, true, true, false, false]);
  });
});
