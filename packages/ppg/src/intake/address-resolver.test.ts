import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AddressResolver } from "./address-resolver.ts";
import { recipientUri } from "./recipient-uri.ts";

const rules = {
  plmn: "sip:{value}@example.test;user=phone",
  USER: "sip:{value}@example.test",
  IPv4: "sip:{value}",
  IPv6: "sip:[{value}]:5070",
  MAN: "tel:+{value}",
  NODE: "sip:{value};transport=tcp",
};
const resolver = new AddressResolver(["ppg.example.test", "PPG2.example.test"], rules);

function recipient(address: string): string {
  const resolved = resolver.resolve(address);
  return "problem" in resolved ? `${resolved.problem.papCode} ${resolved.problem.reason}` : resolved.recipient.uri;
}

describe("addresses", () => {
  it.each([
    ["WAPPUSH=+49-30.123/TYPE=PLMN@ppg.example.test", "sip:+4930123@example.test;user=phone"],
    ["wappush=+4930123/type=plmn@PPG.Example.Test", "sip:+4930123@example.test;user=phone"],
    ["WAPPUSH=+4930123/TYPE=PLMN", "sip:+4930123@example.test;user=phone"],
    ["WAPPUSH=alice/TYPE=USER@ppg2.example.test", "sip:alice@example.test"],
    ["WAPPUSH=a%40b%20%C3%A9%25/TYPE=USER@ppg.example.test", "sip:a%40b%20%C3%A9%25@example.test"],
    ["WAPPUSH=a%3Bb%3F%3A/TYPE=USER@ppg.example.test", "sip:a;b?%3A@example.test"],
    ["WAPPUSH=sip%3Abob%40other.test/TYPE=USER@ppg.example.test", "sip:bob@other.test"],
    ["WAPPUSH=tel%3A%2B49-30/TYPE=USER@ppg.example.test", "tel:+4930"],
    ["WAPPUSH=192.0.2.7/TYPE=IPv4@ppg.example.test", "sip:192.0.2.7"],
    ["WAPPUSH=2001:db8:0:0:0:0:0:1/TYPE=IPv6@ppg.example.test", "sip:[2001:db8::1]:5070"],
    ["WAPPUSH=4930/TYPE=MAN@ppg.example.test", "tel:+4930"],
    ["WAPPUSH=b.test/TYPE=NODE@ppg.example.test", "sip:b.test;transport=tcp"],
    ["sip:alice@other.test", "sip:alice@other.test"],
    ["sips:alice@other.test", "sips:alice@other.test"],
    ["tel:+49-30", "tel:+4930"],
  ])("%s stands for %s", (address, uri) => expect(recipient(address)).toBe(uri));

  it.each([
    ["WAPPUSH=alice/TYPE=USER@other.test", "other.test is not this gateway"],
    ["WAPPUSH=1/TYPE=FLEX_MSISDN@ppg.example.test", "FLEX_MSISDN are not served"],
    ["WAPPUSH=1/TYPE=constructor@ppg.example.test", "constructor are not served"],
    ["WAPPUSH=0301/TYPE=PLMN@ppg.example.test", "none of type PLMN"],
    ["WAPPUSH=a%20b/TYPE=MAN@ppg.example.test", "telephone number"],
    ["alice@ppg.example.test", "no WAPPUSH address"],
    ["WAPPUSH=sip%3Aa%40b.test%3Fx%3Dy/TYPE=USER@ppg.example.test", "cannot be pushed to"],
    ["WAPPUSH=SIPS%3Aa%40/TYPE=USER@ppg.example.test", "cannot be pushed to"],
    ["WAPPUSH=tel%3A7042/TYPE=USER@ppg.example.test", "cannot be pushed to"],
    ["sip:a@b.test;maddr=192.0.2.1", "maddr"],
    ["WAPPUSH=49%3Bext%3D1/TYPE=MAN@ppg.example.test", "no host and no number"],
    ["WAPPUSH=a%40b.test/TYPE=NODE@ppg.example.test", "no host and no number"],
    ["WAPPUSH=b.test%3A22/TYPE=NODE@ppg.example.test", "no host and no number"],
    ["WAPPUSH=b.test%3Bx%3Dy/TYPE=NODE@ppg.example.test", "no host and no number"],
  ])("%s is refused 2002: %s", (address, problem) => {
    expect(recipient(address)).toMatch(/^2002 /);
    expect(recipient(address)).toContain(problem);
  });

  it("any user part comes out as a URI of the rule's domain, and no two as the same", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (value) => {
        const address = `WAPPUSH=${encodeURIComponent(value.toWellFormed()).replace(/[!'()*~]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)}/TYPE=USER`;
        const resolved = resolver.resolve(address);
        if ("problem" in resolved || /^(?:sips?|tel):/i.test(value)) return;
        const { uri } = resolved.recipient;
        expect(uri.endsWith("@example.test")).toBe(true);
        expect(decodeURIComponent(uri.slice("sip:".length, -"@example.test".length))).toBe(value.toWellFormed());
        expect(recipientUri(uri)).toMatchObject({ uri });
      }),
    );
  });

  it.each([
    [{ USER: "sip:a@example.test" }, "must hold {value} once"],
    [{ USER: "sip:{value}{value}@example.test" }, "must hold {value} once"],
    [{ USER: "mailto:{value}@example.test" }, "makes no URI"],
    [{ USER: "sip:{value}@example..test" }, "makes no URI"],
  ])("a rule that makes no URI is refused: %j", (bad, problem) => {
    expect(() => new AddressResolver(["a"], bad)).toThrow(problem);
  });

  it("are of some domain", () => expect(() => new AddressResolver([], {})).toThrow(RangeError));
});
