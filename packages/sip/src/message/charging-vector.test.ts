import { describe, expect, it } from "vitest";
import { newChargingVector } from "./charging-vector.ts";

describe("P-Charging-Vector (RFC 7315 §4.6, §5.6)", () => {
  it("has an ICID of its own each time", () => {
    const vectors = new Set(Array.from({ length: 100 }, () => newChargingVector()));
    expect(vectors.size).toBe(100);
    for (const vector of vectors) expect(vector).toMatch(/^icid-value=[0-9a-f]{32}$/);
  });

  it("says who made the ICID, and for which network: a token, else a quoted string", () => {
    expect(newChargingVector({ generatedAt: "[2001:db8::1]", originIoi: "home.test" })).toMatch(
      /^icid-value=[0-9a-f]{32};icid-generated-at=\[2001:db8::1\];orig-ioi=home\.test$/,
    );
    expect(newChargingVector({ originIoi: 'my "net"' })).toMatch(/;orig-ioi="my \\"net\\""$/);
  });
});
