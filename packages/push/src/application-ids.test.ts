import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applicationUrn, normalizeApplicationId, parseApplicationId, pushApplications } from "./application-ids.ts";

describe("push application ids (OMNA registry)", () => {
  it.each(pushApplications)("reads $urn in every spelling", ({ number, name, urn }) => {
    const spellings = [
      name,
      name.toUpperCase(),
      urn,
      `urn:${urn}`,
      String(number),
      `0x${number.toString(16)}`,
      ` ${name} `,
    ];
    for (const spelling of spellings) expect(parseApplicationId(spelling)).toBe(name);
    expect(applicationUrn(name)).toBe(urn);
  });

  it("reads the number as a WSP short integer, which has the high bit set", () => {
    expect(parseApplicationId("144")).toBe("ulp.ua");
    expect(parseApplicationId("0x90")).toBe("ulp.ua");
    expect(parseApplicationId("0x85")).toBe("push.syncml");
  });

  it("lets names that the registry does not list stand for themselves, with the OMA prefix in their URN", () => {
    expect(parseApplicationId("X-OMA-Application:crbt.ua")).toBe("crbt.ua");
    expect(parseApplicationId("com.example.App")).toBe("com.example.app");
    expect(applicationUrn("crbt.ua")).toBe("x-oma-application:crbt.ua");
  });

  it.each(["", " ", "99", "0xff", "65536", 'a"b', "a,b", "a b", "a\r\nb", "é", "x-wap-application:", "a".repeat(256)])(
    "refuses %j",
    (text) => {
      expect(parseApplicationId(text)).toBeUndefined();
      expect(() => normalizeApplicationId(text, "--app")).toThrow(
        expect.objectContaining({ code: "PUSH_BAD_APPLICATION_ID", field: "--app", retryable: false }),
      );
    },
  );

  it("is its own inverse: a short name is the short name of itself", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const name = parseApplicationId(text);
        if (name !== undefined && !/^[0-9]/.test(name)) expect(parseApplicationId(name)).toBe(name);
      }),
    );
  });
});
