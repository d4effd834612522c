import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Milenage, opcOf } from "./milenage.ts";

type Field = "k" | "rand" | "sqn" | "amf" | "op" | "opc" | "f1" | "f1Star" | "f2" | "f3" | "f4" | "f5" | "f5Star";

const { milenage: sets } = JSON.parse(
  readFileSync(new URL("../../vectors/milenage.json", import.meta.url), "utf8"),
) as { milenage: Array<Readonly<Record<Field | "id" | "source", string>>> };

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString("hex");

describe("MILENAGE (TS 35.206)", () => {
  test("the file has all 20 test sets of TS 35.208, and one of TS 35.207 more", () => {
    const of = (document: string): number => sets.filter(({ source }) => source.includes(document)).length;
    expect([of("35.208"), of("35.207")]).toEqual([20, 1]);
    expect(new Set(sets.map(({ source }) => source)).size).toBe(21);
  });

  test.each(sets)("$id ($source)", (set) => {
    const octets = (field: Field): Buffer => Buffer.from(set[field], "hex");
    expect(hex(opcOf(octets("k"), octets("op")))).toBe(set.opc);
    const functions = new Milenage(octets("k"), octets("opc"));
    // Twice: one cipher serves all calls.
    for (const _ of [1, 2]) {
      const { macA, macS } = functions.f1(octets("rand"), octets("sqn"), octets("amf"));
      expect([hex(macA), hex(macS)]).toEqual([set.f1, set.f1Star]);
      const { res, ck, ik, ak, akStar } = functions.f2345(octets("rand"));
      expect([res, ck, ik, ak, akStar].map(hex)).toEqual([set.f2, set.f3, set.f4, set.f5, set.f5Star]);
    }
  });
});
