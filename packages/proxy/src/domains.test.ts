import { networkInterfaces } from "node:os";
import { parseListenAddress, parseUri, type SipUri } from "@sip-push/sip";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { aorUri, Domains } from "./domains.ts";

const sip = (text: string): SipUri => parseUri(text) as SipUri;
const domains = new Domains(
  ["Example.test", "[2001:DB8::1]"],
  ["udp:127.0.0.1:5060", "tcp:[::1]:5070"].map(parseListenAddress),
);

describe("Domains", () => {
  test.each([
    ["sip:example.test", true],
    ["sip:EXAMPLE.TEST:9999", true],
    ["sip:sub.example.test", false],
    ["sip:127.0.0.1", true],
    ["sip:127.0.0.1:5060", true],
    ["sip:127.0.0.1:5070", true],
    ["sip:127.0.0.1:6000", false],
    ["sip:[::1]:5070", true],
    ["sip:[0:0:0:0:0:0:0:1]:5070", true],
    ["sip:[::1]:6000", false],
    ["sip:[2001:db8::1]", true],
    ["sip:[2001:db8::1]:6000", false],
    ["sip:192.0.2.1", false],
    ["sips:127.0.0.1", false],
  ])("%s leads here: %s", (text, here) => {
    expect(domains.isHere(sip(text))).toBe(here);
  });

  test.each([
    ["sip:alice@example.test", "sip:alice@example.test"],
    ["sips:alice:pw@EXAMPLE.test:5061;transport=tcp?a=b", "sip:alice@example.test"],
    ["sip:Al%69ce@127.0.0.1:5060", "sip:Alice@example.test"],
    ["sip:a%40b@example.test", "sip:a%40b@example.test"],
    ["sip:bob@[2001:db8:0::1]", "sip:bob@[2001:db8::1]"],
    ["sip:+1-(555).12;ext=3@example.test;user=phone", "sip:+155512@example.test"],
    ["sip:+1-555@example.test", "sip:+1-555@example.test"],
    ["tel:+1-555-12;phone-context=x", "sip:+155512@example.test"],
  ])("RFC 3261 §10.3 (5): %s is %s", (text, aor) => {
    const uri = parseUri(text);
    expect(domains.isResponsibleFor(uri) ? domains.aorOf(uri)?.uri : undefined).toBe(aor);
  });

  test("an address that is a domain needs no port to be it", () => {
    const other = new Domains(["192.0.2.1"], [parseListenAddress("udp:127.0.0.1:5999")]);
    expect(other.isHere(sip("sip:192.0.2.1"))).toBe(true);
    expect(other.isHere(sip("sip:192.0.2.1:5999"))).toBe(true);
    expect(other.isHere(sip("sip:192.0.2.1:5060"))).toBe(false);
  });

  test("a URI without a user names nobody", () => {
    expect(domains.aorOf(sip("sip:example.test"))).toBeUndefined();
  });

  test("any name survives the way into a URI and back", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, unit: "grapheme" }), (user) => {
        const octets = Buffer.from(user, "utf8").toString("latin1");
        fc.pre(Buffer.from(octets, "latin1").toString("utf8") === user);
        expect(domains.aorOf(sip(aorUri(user, "example.test")))?.user).toBe(user);
      }),
    );
  });

  test("bound to all addresses, every address of this machine is it", () => {
    const all = new Domains(["example.test"], [parseListenAddress("udp:0.0.0.0:5060")]);
    const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    for (const { address } of own.filter(({ family }) => family === "IPv4")) {
      expect(all.isHere(sip(`sip:${address}`))).toBe(true);
    }
    expect(all.isHere(sip("sip:192.0.2.1"))).toBe(false);
  });
});
