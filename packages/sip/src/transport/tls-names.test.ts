import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { certifies, sipIdentities } from "./tls-names.ts";

describe("SIP domain identities of a certificate (RFC 5922 §7.1)", () => {
  const rows = [
    ["the host of a sip: URI", "URI:sip:Example.test", ["example.test"]],
    ["several of them", "URI:sip:a.test, URI:SIP:b.test", ["a.test", "b.test"]],
    ["its host only, whatever follows", "URI:sip:a.test:5061;transport=tls?x=y", ["a.test"]],
    ["no DNS name beside a sip: URI", "DNS:b.test, URI:sip:a.test", ["a.test"]],
    ["DNS names when no URI is a SIP domain", "DNS:b.test, URI:https://c.test, URI:sip:alice@d.test", ["b.test"]],
    ["nothing from sips: URIs", "URI:sips:a.test", []],
    ["nothing from other types, and no common name then", "IP Address:192.0.2.1, email:a@cn.test", []],
    [
      "values that Node quotes",
      'DNS:"a.test, URI:sip:victim.test", DNS:b.test',
      ["a.test, uri:sip:victim.test", "b.test"],
    ],
    ["nothing from what is not written as Node writes it", 'DNS:a.test, URI:sip:b"c.test', []],
    ["internationalized names as A-labels (RFC 5280 §7.2)", "DNS:xn--bcher-kva.example", ["xn--bcher-kva.example"]],
  ] as const;

  it.each(rows)("are %s", (_, subjectaltname, names) => {
    expect(sipIdentities({ subject: { CN: "cn.test" }, subjectaltname })).toEqual(names);
  });

  it("are the common name only when there is no subjectAltName", () => {
    expect(sipIdentities({ subject: { CN: "CN.test" } })).toEqual(["cn.test"]);
    expect(sipIdentities({ subject: { CN: ["a.test", "b.test"] } })).toEqual(["a.test", "b.test"]);
    expect(sipIdentities({})).toEqual([]);
  });

  it("never throw, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (subjectaltname) => {
        expect(Array.isArray(sipIdentities({ subjectaltname }))).toBe(true);
      }),
    );
  });
});

describe("comparing identities (RFC 5922 §7.2)", () => {
  const rows = [
    ["DNS:example.test", "EXAMPLE.test", true],
    ["DNS:example.test", "foo.example.test", false],
    ["DNS:foo.example.test", "example.test", false],
    ["DNS:*.example.test", "foo.example.test", false],
    ["DNS:.example.test", "foo.example.test", false],
    ["DNS:xn--bcher-kva.example", "bücher.example", true],
    ["IP Address:192.0.2.1", "192.0.2.1", true],
    ["IP Address:192.0.2.1", "192.0.2.2", false],
    ["URI:sip:example.test, IP Address:2001:DB8:0:0:0:0:0:1", "2001:db8::1", true],
    ["DNS:192.0.2.7", "192.0.2.7", true],
    ["DNS:0x7f.1", "127.0.0.1", false],
    ...["example.test/x", "example.test?x", "example.test#x", "example.test\\\\x", "exam%70le.test"].map(
      (name) => [`DNS:${name}`, "example.test", false] as const,
    ),
  ] as const;

  it.each(rows)("%s for %s: %s", (subjectaltname, serverName, expected) => {
    expect(certifies({ subject: { CN: serverName }, subjectaltname }, serverName)).toBe(expected);
  });
});
