import { parseUri, urisEqual } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { recipientKey, recipientUri } from "./recipient-uri.ts";

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
    expect(recipientUri(text)).toEqual({ uri, bare, requestUri: uri });
    expect(recipientUri(uri)).toEqual({ uri, bare, requestUri: uri });
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

describe("what the URIs of one recipient have in common (RFC 3261 §10.3 (5), §19.1.4)", () => {
  const keyOf = (text: string): string => {
    const recipient = recipientUri(text, "example.test");
    if (typeof recipient === "string") throw new Error(recipient);
    return recipientKey(recipient.requestUri);
  };

  it.each([
    ["tel:+49-151", "sip:+49151@example.test;user=phone"],
    ["tel:+49151;isub=1;ext=2", "sip:+49151;ext=2;isub=1@example.test;user=phone"],
    ["tel:7042;phone-context=a.test", "sip:7042;phone-context=a.test@example.test;user=phone"],
    ["sip:h1@example.test", "sip:h1@EXAMPLE.test;foo=bar"],
    ["sip:h1@example.test;foo=1", "sip:h1@example.test;foo=2"],
    ["sip:h1@example.test", "sip:h1@example.test;transport=udp"],
    ["sip:h1@example.test", "sip:h1@example.test:5060"],
    ["sips:h1@example.test", "sips:h1@example.test:5061"],
    ["sip:h;1@example.test", "sip:h%3b1@example.test"],
    ["sip:+49151@example.test", "sip:+49-151@example.test;user=phone"],
    ["sip:h1@example.test;gr=urn:x", "sip:h1@example.test;ob;gr=urn:x"],
  ])("%s is %s", (first, second) => expect(keyOf(first)).toBe(keyOf(second)));

  it.each([
    ["sip:h1@example.test", "sip:H1@example.test"],
    ["sip:h1@example.test", "sip:h1@other.test"],
    ["sip:h1@example.test", "sip:h1@example.test:5061"],
    ["sip:h1@example.test", "sips:h1@example.test"],
    ["sip:h1@example.test", "sip:h1@example.test;gr=urn:x"],
    ["sip:h1@example.test;gr=urn:x", "sip:h1@example.test;gr=urn:y"],
    ["sip:h1@example.test", "sip:example.test"],
    ["tel:+49151", "tel:+49151;ext=2"],
    ["sip:+49151@example.test", "sip:+49-151@example.test"],
  ])("%s is not %s", (first, second) => expect(keyOf(first)).not.toBe(keyOf(second)));

  it("a tel URI stays one where there is no domain to send it to", () => {
    expect(recipientUri("tel:+49-151")).toEqual({ uri: "tel:+49151", bare: "tel:+49151", requestUri: "tel:+49151" });
    expect(recipientKey("tel:+49151")).toBe("tel:+49151");
  });
});
