import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseUri, type SipUri } from "../message/index.ts";
import { TrustConfigError } from "./errors.ts";
import { type Peer, TrustDomain } from "./trust-domain.ts";

const peer = (address: string, ...peerNames: string[]): Peer => ({ remote: { address }, peerNames });
const hop = (text: string): SipUri => parseUri(text) as SipUri;

describe("trust domain (RFC 3325 §2)", () => {
  const domain = new TrustDomain(["192.0.2.0/24", "2001:db8::7", "Core.Example.test", "bücher.example."]);

  it.each<[string, Peer, boolean]>([
    ["an address in a range", peer("192.0.2.77"), true],
    ["that address mapped into IPv6", peer("::ffff:192.0.2.77"), true],
    ["an IPv6 address", peer("2001:db8:0::7"), true],
    ["another address", peer("192.0.3.1"), false],
    ["what is no address", peer("core.example.test"), false],
    ["a name that the peer's certificate proved", peer("198.51.100.1", "other.test", "core.example.test"), true],
    ["an internationalized name, as certificates have it", peer("198.51.100.1", "xn--bcher-kva.example"), true],
    ["another name", peer("198.51.100.1", "example.test"), false],
    ["a name below: there are no wildcards (RFC 5922 §7.2)", peer("198.51.100.1", "a.core.example.test"), false],
  ])("%s", (_, each, inside) => {
    expect(domain.has(each)).toBe(inside);
  });

  it.each([
    ["sip:192.0.2.5", true],
    ["sip:[2001:db8::7]:5070;transport=tcp", true],
    ["sip:198.51.100.1", false],
    ["sip:192.0.2.5;maddr=198.51.100.1", false], // it goes to maddr (RFC 3261 §19.1.1)
    ["sip:elsewhere.test;maddr=192.0.2.5", true],
    ["sip:core.example.test;transport=tls", true],
    ["sip:CORE.example.test;transport=TLS", true],
    ["sips:core.example.test", true],
    ["sip:core.example.test;maddr=198.51.100.1;transport=tls", true], // the name is verified there too (RFC 5922 §4)
    ["sip:core.example.test", false], // may become UDP, where nobody proves a name
    ["sip:core.example.test;transport=tcp", false],
    ["sips:other.example.test", false],
  ])("a request to %s stays inside: %s", (uri, inside) => {
    expect(domain.hasHop(hop(uri))).toBe(inside);
  });

  it("is empty by default", () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.domain(), (address, name) => {
        expect(new TrustDomain().has(peer(address, name))).toBe(false);
      }),
    );
  });

  it.each([
    "",
    "everybody",
    "localhost",
    "10.0.0.0/33",
    "::1/129",
    "10.0.0.1/",
    "10.0.0.1/8/9",
    "10.0.0",
    "fe80::1%eth0",
    "*.example.test",
    "sip:core.example.test",
    "core.example.test:5061",
    "core..test",
    "core.example.test/8",
  ])("refuses %j", (entry) => {
    expect(() => new TrustDomain(["192.0.2.1", entry])).toThrow(
      expect.objectContaining({
        code: "TRUST_BAD_PEER",
        retryable: false,
        problems: [{ index: 1, problem: expect.stringContaining(JSON.stringify(entry)) }],
      }),
    );
  });

  it("names every entry that is wrong, each on its line", () => {
    const open = (): TrustDomain => new TrustDomain(["x", "192.0.2.1", "10.0.0.0/99"]);
    expect(open).toThrow(TrustConfigError);
    expect(open).toThrow(/^"x" is no .*\n"10\.0\.0\.0\/99" is no IP address or range: the prefix has at most 32 bits$/);
  });

  it("no entry makes it throw anything else", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (entries) => {
        try {
          expect(new TrustDomain(entries).hasAddress("host")).toBe(false);
        } catch (error) {
          expect(error).toBeInstanceOf(TrustConfigError);
        }
      }),
    );
  });
});
