import { parseUri, urisEqual } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { recipientUri } from "./recipient-uri.ts";

describe("a recipient in one spelling (RFC 3261 §19.1.4, RFC 3966 §4)", () => {
  it.each([
    ["SIP:Alice@EXAMPLE.test", "sip:Alice@example.test", "sip:Alice@example.test"],
    ["sip:%61lice%3b1@example.test", "sip:alice%3B1@example.test", "sip:alice%3B1@example.test"],
    ["sips:a@[2001:DB8:0::1]:5061", "sips:a@[2001:db8::1]:5061", "sips:a@[2001:db8::1]:5061"],
    ["sip:example.test", "sip:example.test", "sip:example.test"],
    ["sip:+49@b.test;user=PHONE;Transport=TCP", "sip:+49@b.test;transport=tcp;user=phone", "sip:+49@b.test"],
    ["sip:a@b.test;gr=%41B;ob", "sip:a@b.test;gr=AB;ob", "sip:a@b.test"],
    ["tel:+49-(30).123", "tel:+4930123", "tel:+4930123"],
    [
      "TEL:7042;phone-context=Example.TEST",
      "tel:7042;phone-context=example.test",
      "tel:7042;phone-context=example.test",
    ],
    ["tel:+4930;ext=12;isub=9", "tel:+4930;ext=12;isub=9", "tel:+4930"],
  ])("%s is %s, without parameters %s", (text, uri, bare) => {
    expect(recipientUri(text)).toEqual({ uri, bare });
    expect(recipientUri(uri)).toEqual({ uri, bare });
    expect(urisEqual(parseUri(text), parseUri(uri))).toBe(true);
  });

  it.each([
    ["mailto:a@b.test", "no SIP"],
    ["a@b.test", "no scheme"],
    ["sip:a@b.test?Route=c", "header fields"],
    ["sip:a:secret@b.test", "password"],
    ["sip:a@b.test;maddr=10.0.0.1", "maddr"],
    ["sip:a@b.test;Method=INVITE", "method"],
    ["sip:a@b.test;lr", "lr"],
    ["sip:a@b.test;ttl=1", "ttl"],
    ["sip:a b@c.test", "user part"],
    ["tel:7042", "phone-context"],
    ["tel:+4930;phone-context=+49", "phone-context"],
    ["sip:a@b.test;m%61ddr=10.0.0.1", "maddr"],
  ])("%s is none: %s", (text, problem) => {
    expect(recipientUri(text)).toContain(problem);
  });
});
