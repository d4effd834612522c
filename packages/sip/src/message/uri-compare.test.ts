import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseUri } from "./uri.ts";
import { canonicalHost, urisEqual } from "./uri-compare.ts";

const equal = (a: string, b: string): boolean => {
  const there = urisEqual(parseUri(a), parseUri(b));
  expect(urisEqual(parseUri(b), parseUri(a))).toBe(there);
  return there;
};

describe("comparison of URIs (RFC 3261 §19.1.4)", () => {
  it.each([
    ["sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"],
    ["sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"],
    ["sip:carol@chicago.com", "sip:carol@chicago.com;security=on"],
    [
      "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
      "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
    ],
    [
      "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
      "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
    ],
    ["sip:a@h;%6Cr", "sip:a@h;lr"],
    ["sip:a@h?Subject=x", "sip:a@h?subject=x"],
    ["sip:a%2fb@h", "sip:a%2Fb@h"],
    ["sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"],
  ])("%s equals %s", (a, b) => expect(equal(a, b)).toBe(true));

  it.each([
    ["different user names", "SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"],
    ["can resolve to different ports", "sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"],
    ["can resolve to different transports", "sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"],
    ["port and transport", "sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"],
    ["different header component", "sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"],
    ["even though that is where it resolves to", "sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"],
    ["a parameter both have", "sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"],
    ["sip and sips", "sip:bob@biloxi.com", "sips:bob@biloxi.com"],
    ["no user and a user", "sip:biloxi.com", "sip:bob@biloxi.com"],
    ["no password and an empty one", "sip:bob@biloxi.com", "sip:bob:@biloxi.com"],
    ["an escaped reserved character", "sip:a%3Bb@h", "sip:a;b@h"],
    ["user", "sip:1@h", "sip:1@h;user=phone"],
    ["ttl", "sip:1@h", "sip:1@h;ttl=1"],
    ["method", "sip:1@h", "sip:1@h;method=INVITE"],
    ["maddr", "sip:1@h", "sip:1@h;maddr=192.0.2.1"],
    ["a header twice", "sip:1@h?a=b", "sip:1@h?a=b&a=b"],
    ["schemes", "tel:+1", "sip:+1@h"],
    ["other schemes by text", "urn:a:b", "urn:a:B"],
  ])("%s: %s is not %s", (_, a, b) => expect(equal(a, b)).toBe(false));

  it("is not transitive, and says so", () => {
    const [on, off, plain] = [";security=on", ";security=off", ""].map(
      (params) => `sip:carol@chicago.com${params}`,
    ) as [string, string, string];
    expect([equal(on, plain), equal(plain, off), equal(on, off)]).toEqual([true, true, false]);
  });
});

describe("comparison of telephone numbers (RFC 3966 §4)", () => {
  it.each([
    ["tel:+1-201-555-0123", "tel:+1.201(555)0123", true],
    ["tel:7042;phone-context=Example.com", "tel:70-42;phone-context=example.COM", true],
    ["tel:1;ext=1-2;isub=a", "tel:1;isub=a;ext=12", true],
    ["tel:1;phone-context=+1-914", "tel:1;phone-context=+1914", true],
    ["tel:aB*", "tel:Ab*", true],
    ["tel:+1201", "tel:1201", false],
    ["tel:1", "tel:1;ext=1", false],
    ["tel:1;phone-context=a-b.com", "tel:1;phone-context=ab.com", false],
  ])("%s and %s: %s", (a, b, same) => expect(equal(a, b)).toBe(same));
});

describe("canonicalHost (RFC 5954 §4.2, RFC 5952)", () => {
  it.each([
    ["Example.COM", "example.com"],
    ["[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]"],
    ["2001:db8::0:1", "[2001:db8::1]"],
    ["192.0.2.1", "192.0.2.1"],
    ["[fe80::1%eth0]", "[fe80::1%eth0]"],
  ])("%s is %s", (host, canonical) => expect(canonicalHost(host)).toBe(canonical));

  it("gives the same again for what it gave, whatever the host", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.ipV6()),
        (host) => canonicalHost(canonicalHost(host)) === canonicalHost(host),
      ),
    );
  });
});
