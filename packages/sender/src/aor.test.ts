import { describe, expect, it } from "vitest";
import { aorKey, partyKey, telephoneKey } from "./aor.ts";

describe("the key of an address-of-record (RFC 3261 §10.3 (5))", () => {
  it.each([
    ["sip:bob@home.test", "sip:bob@home.test"],
    ["SIPS:bob@HOME.test:5070;transport=tls?Subject=x", "sip:bob@home.test:5070"],
    ["sip:%62%6Fb@home.test", "sip:bob@home.test"],
    ["sip:Bob@home.test", "sip:Bob@home.test"],
    ["sip:bob@[2001:DB8:0::1]", "sip:bob@[2001:db8::1]"],
    ["sip:+1-201-555@home.test;user=phone", "sip:+1201555@home.test"],
    ["tel:+1-201.555", "tel:+1201555"],
    ["tel:863-1234;phone-context=Example.com", "tel:8631234;phone-context=example.com"],
    ["pres:bob@home.test", "sip:bob@home.test"],
    ["im:bob@home.test?x=y", "sip:bob@home.test"],
    ["sip:home.test", undefined],
    ["mailto:bob@home.test", undefined],
    ["pres:", undefined],
    ["bob", undefined],
    ["", undefined],
  ])("of %s is %s", (text, key) => {
    expect(aorKey(text)).toBe(key);
  });

  it.each([
    ["sip:+1-201-555@home.test;user=phone", "tel:+1201555"],
    ["tel:+1201555", "tel:+1201555"],
    ["tel:201;phone-context=+1", undefined],
    ["sip:+1201555@home.test", undefined],
    ["sip:201@home.test;user=phone", undefined],
    ["nonsense", undefined],
  ])("%s stands for the number %s (RFC 3261 §19.1.6)", (text, key) => {
    expect(telephoneKey(text)).toBe(key);
  });
});

describe("who speaks", () => {
  it.each([
    ["sip:relay@HOME.test", "sip:relay@home.test"],
    ["sip:relay.HOME.test;lr", "sip:relay.home.test"],
    ["sips:[2001:DB8::1]:5061", "sip:[2001:db8::1]:5061"],
    ["tel:+1-201", "tel:+1201"],
    ["mailto:a@b", undefined],
    ["sip:", undefined],
  ])("%s is %s: a server has no user", (text, key) => {
    expect(partyKey(text)).toBe(key);
  });
});
