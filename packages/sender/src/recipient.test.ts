import { parseUri, type SipUri } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { isSecureHop, parseRecipient, parseSipOption } from "./recipient.ts";

const domain = { domain: "home.test" };

describe("recipients", () => {
  it.each([
    ["sip:alice@example.test", "sip:alice@example.test", false],
    [" sip:alice@example.test:5070;transport=tcp ", "sip:alice@example.test:5070;transport=tcp", false],
    ["sips:alice@example.test", "sips:alice@example.test", true],
    ["sip:alice@[2001:db8::1]:5060", "sip:alice@[2001:db8::1]:5060", false],
    ["sip:[::1]", "sip:[::1]", false],
    ["tel:+1-201-555.0123", "sip:+12015550123@home.test;user=phone", false],
    [
      "tel:+358-555-1234567;postd=pp22;isub=1411",
      "sip:+3585551234567;isub=1411;postd=pp22@home.test;user=phone",
      false,
    ],
    ["tel:863-1234;phone-context=Example.COM", "sip:8631234;phone-context=example.com@home.test;user=phone", false],
    ["tel:*#06#;phone-context=+1-914", "sip:*%2306%23;phone-context=+1-914@home.test;user=phone", false],
  ])("%s goes to %s (RFC 3261 §19.1.6 for tel:)", (text, requestUri, secure) => {
    const recipient = parseRecipient(text, "to", domain);
    expect(recipient).toEqual({ to: text, requestUri, secure });
    expect(parseUri(requestUri).scheme).toBe(secure ? "sips" : "sip");
  });

  it.each([
    ["", "no scheme"],
    ["alice@example.test", "no scheme"],
    ["sip:", "bad host"],
    ["sip:alice@2001:db8::1", "bad"],
    ["sip:alice@example.test:99999", "bad port"],
    ["sip:alice@example.test?Subject=x", "header fields"],
    ["sip:alice@example.test;method=INVITE", "method"],
    ["mailto:alice@example.test", "write a sip:, sips: or tel: URI"],
    ["tel:12345", "phone-context"],
    ["tel:+1x", "bad telephone number"],
    ["sip:alice@example.test\r\nX: y", "bad"],
  ])("%j is refused: %s", (text, problem) => {
    expect(() => parseRecipient(text, "to[3]", domain)).toThrow(
      expect.objectContaining({
        code: "PUSH_BAD_RECIPIENT",
        field: "to[3]",
        message: expect.stringContaining(problem),
      }),
    );
  });

  it("says what is wrong in one line, whatever the text holds", () => {
    expect(() => parseRecipient("sip:bob@host\r\nX: y", "to")).toThrow(/^to: bad host "host X: y"$/);
  });

  it("needs a domain for tel: recipients", () => {
    expect(() => parseRecipient("tel:+1", "to")).toThrow(/^to: a tel: URI needs the domain/);
  });
});

describe("next hop", () => {
  it.each([
    ["sips:p.test", true],
    ["sip:p.test;transport=TLS", true],
    ["sip:p.test;transport=wss", true],
    ["sip:p.test;transport=tcp", false],
    ["sip:p.test", false],
  ])("%s is reached over TLS: %s (RFC 3261 §26.2.2)", (text, secure) => {
    expect(isSecureHop(parseUri(text) as SipUri)).toBe(secure);
  });

  it.each(["tel:+1", "p.test", "sip:a b"])("%s is no proxy", (text) => {
    expect(() => parseSipOption(text, "proxy")).toThrow(
      expect.objectContaining({ code: "PUSH_BAD_OPTION", field: "proxy" }),
    );
  });
});
