import { describe, expect, it } from "vitest";
import { SipParseError } from "./errors.ts";
import { parseVia, sentByOf, serializeVia } from "./via.ts";

describe("Via (RFC 3261 §20.42, §25.1)", () => {
  it.each([
    [
      "SIP/2.0/UDP host;branch=z9hG4bK1;rport",
      {
        transport: "UDP",
        host: "host",
        params: new Map([
          ["branch", "z9hG4bK1"],
          ["rport", null],
        ]),
      },
    ],
    [
      "SIP/2.0/TLS-SCTP Host.Example:5061",
      { transport: "TLS-SCTP", host: "host.example", port: 5061, params: new Map() },
    ],
    [
      "sip / 2.0 \t/ ws  df7jal23ls0d.invalid ; a = b",
      { transport: "WS", host: "df7jal23ls0d.invalid", params: new Map([["a", "b"]]) },
    ],
    ["SIP/2.0/ UDP h", { transport: "UDP", host: "h", params: new Map() }],
    [
      "SIP/2.0/UDP first.example.com: 4000",
      { transport: "UDP", host: "first.example.com", port: 4000, params: new Map() },
    ],
    [
      "SIP/2.0/UDP first.example.com\t: 4000 ;x",
      { transport: "UDP", host: "first.example.com", port: 4000, params: new Map([["x", null]]) },
    ],
    ["SIP/2.0/UDP [2001:DB8::9:1]:6050", { transport: "UDP", host: "[2001:db8::9:1]", port: 6050, params: new Map() }],
    ['SIP/2.0/UDP a;x=",;\\"" , SIP/2.0/TCP b', { transport: "UDP", host: "a", params: new Map([["x", '",;\\""']]) }],
    ["SIP/2.0/UDP a,SIP/2.0/TCP b;c=d", { transport: "UDP", host: "a", params: new Map() }],
    ["SIP/7.0/UDP a", { transport: "UDP", host: "a", params: new Map(), version: "7.0" }],
  ])("%s", (text, via) => expect(parseVia(text)).toEqual(via));

  it.each([
    "",
    "SIP/2.0/UDP",
    "SIP/2.0/UDP ",
    "SIP/2.0/ host",
    "SIP/2.0 host",
    "SIP//UDP host",
    "SIP/2.0/UDP/x host",
    "HTTP/1.1/TCP host",
    "SIP/2.0/UDP host host",
    "SIP/2.0/UDP ;branch=1",
    "SIP/2.0/UDP host;",
    "SIP/2.0/UDP host;;branch=1",
    "SIP/2.0/UDP host;,SIP/2.0/UDP b",
    "SIP/2.0/UDP 2001:db8::1",
    "SIP/2.0/UDP host:port",
    'SIP/2.0/UDP host;a="b',
    "SIP/2.0/U(DP host",
  ])("%j is none", (text) => {
    expect(() => parseVia(text)).toThrow(SipParseError);
    expect(() => parseVia(text)).toThrow(expect.objectContaining({ field: "Via" }));
  });

  it("serializeVia writes one spelling, which parses to the same", () => {
    for (const text of ['SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport;x="a b"', "SIP/7.0/TCP [::1]"]) {
      expect(serializeVia(parseVia(text))).toBe(text);
    }
  });

  it("sent-by is written with its port only when it had one (§17.2.3)", () => {
    expect(["SIP/2.0/UDP H", "SIP/2.0/UDP h : 5060"].map((text) => sentByOf(parseVia(text)))).toEqual(["h", "h:5060"]);
  });

  it("runs of blanks cost no more than their length", () => {
    const blanks = " ".repeat(60_000);
    expect(parseVia(`SIP/2.0/UDP h${blanks}:${blanks}1${blanks};a${blanks}=${blanks}b`)).toMatchObject({
      host: "h",
      port: 1,
    });
    expect(() => parseVia(`SIP/2.0/UDP a${blanks}b`)).toThrow(SipParseError);
  });
});
