import { describe, expect, it } from "vitest";
import { AddressRanges, looksLikeRange, loopback } from "./address-ranges.ts";

describe("address ranges", () => {
  it.each([
    ["127.255.0.1", true],
    ["::1", true],
    ["::ffff:127.0.0.1", true],
    ["128.0.0.1", false],
    ["::2", false],
    ["localhost", false],
  ])("loopback has %s: %s", (address, has) => {
    expect(loopback.has(address)).toBe(has);
  });

  it("takes brackets and single addresses", () => {
    const ranges = new AddressRanges(["[2001:db8::]/32", " 192.0.2.7 "]);
    const addresses = ["2001:db8:1::", "2001:db9::", "192.0.2.7", "192.0.2.8"];
    expect(addresses.map((each) => ranges.has(each))).toEqual([true, false, true, false]);
  });

  it("takes what is no address as outside", () => {
    expect(new AddressRanges(["0.0.0.0/0", "::/0"]).has("home.test")).toBe(false);
  });

  it.each(["", "10.0.0.1/", "10.0.0.1/8/9", "::1/129", "localhost", "[::1", "::1]"])("refuses %j", (range) => {
    expect(() => new AddressRanges(["::1", range])).toThrow(
      expect.objectContaining({ problems: [{ index: 1, problem: expect.stringContaining(JSON.stringify(range)) }] }),
    );
  });

  it.each([
    ["10.0.0.0/99", true],
    [" [::1]/8", true],
    ["10.0.0", true],
    ["sip:a@10.0.0.1", false],
    ["home.test", false],
    ["", false],
  ])("%j looks like a range: %s", (text, looks) => {
    expect(looksLikeRange(text)).toBe(looks);
  });
});
