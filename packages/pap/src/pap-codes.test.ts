import { describe, expect, it } from "vitest";
import {
  describePapCode,
  knownPapCode,
  papCodeClasses,
  papCodeClassOf,
  papCodeDescriptions,
  papCodes,
} from "./pap-codes.ts";

describe("papCodes", () => {
  it("are those of PAP 2.x, each with a description of its own", () => {
    const range = (first: number, last: number): number[] =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const all = [
      ...range(1000, 1001),
      ...range(2000, 2008),
      ...range(3000, 3011),
      ...range(4000, 4001),
      5000,
      ...range(5026, 5030),
    ];
    expect(Object.values(papCodes)).toEqual(all);
    expect(Object.keys(papCodeDescriptions).map(Number)).toEqual(all);
    expect(new Set(Object.values(papCodeDescriptions)).size).toBe(all.length);
  });

  it("5026 to 5030 are the abort reasons 0xEA to 0xEE of WSP", () => {
    const reasons = {
      0xea: "userRequest",
      0xeb: "userRefused",
      0xec: "cannotReachDestination",
      0xed: "resourceShortage",
      0xee: "contentTypeNotProcessed",
    } as const;
    for (const [reason, name] of Object.entries(reasons)) expect(papCodes[name]).toBe(5026 + Number(reason) - 0xea);
  });

  it.each([
    [1001, 1001, "Accepted for Processing"],
    [1999, 1000, "OK"],
    [2501, 2000, "Bad Request"],
    [3999, 3000, "Internal Server Error"],
    [4002, 4000, "Service Failure"],
    [5001, 5000, "Mobile Client Aborted"],
    [999, undefined, ""],
    [6000, undefined, ""],
    [1000.5, undefined, ""],
    [Number.NaN, undefined, ""],
  ])("%d is taken as %j: what is not known is x000 of its class", (code, known, description) => {
    expect([knownPapCode(code), describePapCode(code)]).toEqual([known, description]);
  });

  it("have five classes", () => {
    expect([1000, 2000, 3000, 4000, 5000].map(papCodeClassOf)).toEqual(Object.values(papCodeClasses));
  });
});
