import { parseUri, type SipUri, serializeUri } from "@sip-push/sip";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PushInputError } from "./errors.ts";
import { readPnParams, withPnParams } from "./pn-params.ts";

const uri = (text: string): SipUri => parseUri(text) as SipUri;

describe("pn-provider, pn-prid and pn-param of a Contact URI (RFC 8599)", () => {
  it("reads the example of §4.1.3", () => {
    const contact =
      "sip:alice@alicemobile.example.com;pn-provider=acme;pn-param=acme-param;pn-prid=ZTY4ZDJlMzODE1NmUgKi0K";
    expect(readPnParams(uri(contact))).toEqual({
      provider: "acme",
      prid: "ZTY4ZDJlMzODE1NmUgKi0K",
      param: "acme-param",
    });
  });

  it("reads a query without a value (§4.1.2), and nothing without pn-provider (§5.1)", () => {
    expect(readPnParams(uri("sip:a@b;pn-provider"))).toEqual({ provider: "", prid: null, param: null });
    expect(readPnParams(uri("sip:a@b;pn-prid=x;pn-param=y"))).toBeUndefined();
  });

  it("takes an escape that is none as it stands", () => {
    expect(readPnParams(uri("sip:a@b;pn-provider=%FF;pn-prid=%41"))).toEqual({
      provider: "%FF",
      prid: "A",
      param: null,
    });
  });

  it("comes back as it was written, the rest of the URI untouched", () => {
    const value = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((text) => text.isWellFormed());
    fc.assert(
      fc.property(value, fc.option(value, { nil: null }), fc.option(value, { nil: null }), (provider, prid, param) => {
        const text = serializeUri(withPnParams(uri("sip:a@b;pn-prid=old;x=y"), { provider, prid, param }));
        expect(readPnParams(uri(text))).toEqual({ provider, prid, param });
        expect(uri(text).params.get("x")).toBe("y");
      }),
    );
  });

  it("is taken off, and asks with an empty provider", () => {
    const contact = uri("sip:a@b;pn-provider=acme;pn-prid=x");
    expect(serializeUri(withPnParams(contact, undefined))).toBe("sip:a@b");
    expect(serializeUri(withPnParams(contact, { provider: "", prid: null, param: null }))).toBe("sip:a@b;pn-provider");
  });

  it.each([
    { provider: "a", prid: "", param: null },
    { provider: "a", prid: null, param: "x".repeat(4097) },
    { provider: "\ud800", prid: null, param: null },
  ])("is not written with what has no form", (pn) => {
    expect(() => withPnParams(uri("sip:a@b"), pn)).toThrow(PushInputError);
  });
});
