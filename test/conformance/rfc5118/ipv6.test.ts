import {
  bareHost,
  decodeMessage,
  isNumericHost,
  paramValue,
  parseNameAddr,
  parseUri,
  parseVia,
  rejectionOf,
  SipParseError,
  SipRequest,
  type SipUri,
  serializeUri,
  urisEqual,
} from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { ipv6Files, ipv6Messages, ipv6Octets } from "./messages.ts";

function request(name: string): SipRequest {
  const message = decodeMessage(ipv6Octets(name));
  if (!(message instanceof SipRequest)) throw new Error(`${name} is no request`);
  return message;
}

const sipUri = (text: string): SipUri => parseUri(text) as SipUri;
const hostAndPort = ({ host, port }: { host: string; port?: number }): unknown[] => [host, port];
const contactOf = (message: SipRequest): SipUri =>
  parseNameAddr(message.headers.get("Contact") ?? "", "Contact").uri as SipUri;

describe("the IPv6 messages of RFC 5118", () => {
  it("each file has a row and each row a file", () => {
    expect(ipv6Messages.map(({ group, name }) => `${group}/${name}`).toSorted()).toEqual(ipv6Files().toSorted());
  });

  it.each(ipv6Messages.filter(({ group }) => group === "valid"))("§$section $name is sound and kept", ({ name }) => {
    const message = request(name);
    expect(rejectionOf(message)).toBeUndefined();
    expect(Buffer.from(message.encode()).equals(ipv6Octets(name))).toBe(true);
  });

  it("§4.1 ipv6-good: references in Request-URI, Via and Contact", () => {
    const message = request("ipv6-good");
    expect([message.uri, message.via, contactOf(message)].map((part) => hostAndPort(part as SipUri))).toEqual([
      ["[2001:db8::10]", undefined],
      ["[2001:db8::9:1]", undefined],
      ["[2001:db8::1]", undefined],
    ]);
    expect(bareHost(message.via.host)).toBe("2001:db8::9:1");
    expect(isNumericHost(message.via.host)).toBe(true);
  });

  it("§4.2 ipv6-bad: an address without brackets in the Request-URI is 400", () => {
    expect(rejectionOf(request("ipv6-bad"))).toMatchObject({
      statusCode: 400,
      problem: expect.stringMatching(/^Request-URI: /),
    });
  });

  it("§4.3 port-ambiguous: within the brackets it is no port", () => {
    expect(hostAndPort(request("port-ambiguous").uri as SipUri)).toEqual(["[2001:db8::10:5070]", undefined]);
  });

  it("§4.4 port-unambiguous: outside of them it is", () => {
    expect(hostAndPort(request("port-unambiguous").uri as SipUri)).toEqual(["[2001:db8::10]", 5070]);
  });

  it.each(["via-received-param-with-delim", "via-received-param-no-delim"])(
    "§4.5 %s: received with or without brackets",
    (name) => {
      expect(bareHost(paramValue(request(name).via.params, "received") ?? "")).toBe("2001:db8::9:255");
    },
  );

  it("§4.6 ipv6-in-sdp: the body stays as it is", () => {
    const { body } = request("ipv6-in-sdp");
    expect(Buffer.from(body).toString()).toContain("c=IN IP6 2001:db8::20\r\n");
    expect(body).toHaveLength(251);
  });

  it("§4.7 mult-ip-in-header: Via values of both families", () => {
    const vias = request("mult-ip-in-header").headers.list("Via").map(parseVia);
    expect(vias.map((via) => [via.transport, via.host, via.port, paramValue(via.params, "received")])).toEqual([
      ["UDP", "[2001:db8::9:1]", 6050, undefined],
      ["UDP", "192.0.2.1", undefined, undefined],
      ["TCP", "[2001:db8::9:255]", undefined, "192.0.2.200"],
    ]);
  });

  it("§4.8 mult-ip-in-sdp: connection addresses of both families", () => {
    const body = Buffer.from(request("mult-ip-in-sdp").body).toString();
    expect(body.match(/^c=.*$/gm)).toEqual(["c=IN IP4 192.0.2.1", "c=IN IP6 2001:db8::1"]);
  });

  it("§4.9 ipv4-mapped-ipv6: mapped addresses in Via and Contact, with the port outside", () => {
    const message = request("ipv4-mapped-ipv6");
    expect(message.headers.list("Via").map((via) => hostAndPort(parseVia(via)))).toEqual([
      ["[::ffff:192.0.2.10]", 19823],
      ["[::ffff:192.0.2.2]", undefined],
    ]);
    expect(contactOf(message).host).toBe("[::ffff:192.0.2.2]");
  });

  it("§4.10 three colons before an IPv4 part are read as two, and equal them", () => {
    const wrong = request("ipv6-bug-abnf-3-colons").uri;
    const right = request("ipv6-correct-abnf-2-colons").uri;
    expect(urisEqual(wrong, right)).toBe(true);
    expect(serializeUri(wrong)).toBe("sip:user@[2001:db8::192.0.2.1]");
  });
});

describe("IPv6 references (RFC 3261 §25.1, RFC 5954)", () => {
  it.each(["[2001:DB8::1]", "[2001:db8:0:0::1]", "[2001:0db8:0000:0000:0000:0000:0000:0001]"])(
    "%s is [2001:db8::1]",
    (host) => {
      expect(urisEqual(parseUri(`sip:bob@${host}`), parseUri("sip:bob@[2001:db8::1]"))).toBe(true);
    },
  );

  it.each([
    ["no closing bracket", "sip:[2001:db8::1"],
    ["no opening bracket", "sip:2001:db8::1]"],
    ["nothing within", "sip:[]"],
    ["an IPv4 address within", "sip:[192.0.2.1]"],
    ["a host name within", "sip:[example.com]"],
    ["text behind", "sip:[2001:db8::1]x"],
    ["a port that is none", "sip:[2001:db8::1]:x"],
    ["two compressed runs", "sip:[2001::db8::1]"],
    ["nine groups", "sip:[1:2:3:4:5:6:7:8:9]"],
    ["a zone, which means something on one machine only", "sip:[fe80::1%25eth0]"],
    ["a zone with a bare %", "sip:[fe80::1%eth0]"],
  ])("%s: %s is no URI", (_, text) => {
    expect(() => sipUri(text)).toThrow(SipParseError);
  });
});
