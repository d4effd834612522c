import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AkaError, akaPassword, akaSessionKeys, fromAkaNonce, fromAuts, milenageOf, toAkaNonce } from "./aka.ts";
import { akaAlgorithms } from "./aka-algorithms.ts";

const octets = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const res = Buffer.from("a54211d5e3ba50bf", "hex");
const ck = Buffer.from("b40ba9a3c58b2a05bbf0d987b21bf8cb", "hex");
const ik = Buffer.from("f769bcd751044604127672711c6d3441", "hex");

describe("nonce of an AKA challenge (RFC 3310 §3.2)", () => {
  test("is base64 of RAND, AUTN and what the server adds; both come out again", () => {
    fc.assert(
      fc.property(octets(16), octets(16), fc.uint8Array({ maxLength: 40 }), (rand, autn, data) => {
        const found = fromAkaNonce(toAkaNonce(rand, autn, data));
        expect(found).toEqual({ rand: Buffer.from(rand), autn: Buffer.from(autn) });
      }),
    );
  });

  test("may come without its padding, as in the examples of RFC 3310 §4", () => {
    const nonce = toAkaNonce(Buffer.alloc(16, 1), Buffer.alloc(16, 2));
    expect(fromAkaNonce(nonce.replace(/=+$/, ""))?.autn).toEqual(Buffer.alloc(16, 2));
  });

  test.each([
    ["empty", ""],
    ["too short", Buffer.alloc(31).toString("base64")],
    ["no base64", `*${toAkaNonce(Buffer.alloc(16), Buffer.alloc(16)).slice(1)}`],
    ["base64url", "_".repeat(44)],
    ["cut in the middle of an octet", "A".repeat(45)],
    ["a nonce of another kind", "7ypf/xlj9XXwfDPEoM4URrv"],
  ])("%s is none", (_, nonce) => {
    expect(fromAkaNonce(nonce)).toBeUndefined();
  });
});

test("AUTS is base64 of 14 octets (RFC 3310 §3.4)", () => {
  expect(fromAuts(Buffer.alloc(14, 7).toString("base64"))).toEqual(Buffer.alloc(14, 7));
  for (const text of ["", "AAAA", Buffer.alloc(15).toString("base64"), "*".repeat(20)]) {
    expect(fromAuts(text)).toBeUndefined();
  }
});

describe("the digest password", () => {
  test("of AKAv1 is RES as it is (RFC 3310 §3.3)", () => {
    expect(akaPassword(1, "MD5", { res, ck, ik })).toBe(res);
  });

  // The expected values were computed with OpenSSL's command: `openssl dgst -md5 -mac HMAC -macopt hexkey:RES||IK||CK`.
  test.each([
    ["MD5", "shzt3q8CWaZnCAWqs3WmEQ=="],
    ["SHA-256", "wpC+5dv/7kC35JEI2hluv8XcBd+vf8XcfedJBan1buk="],
  ] as const)(
    "of AKAv2 is base64 of HMAC-%s over a fixed text, keyed with RES, IK and CK (RFC 4169 §2.1)",
    (hash, text) => {
      expect(akaPassword(2, hash, { res, ck, ik })).toBe(text);
    },
  );

  test("of AKAv2 leaves masked keys for other uses, AKAv1 the keys (RFC 4169 §2.2)", () => {
    expect(akaSessionKeys(1, "MD5", { ck, ik })).toEqual({ ck, ik });
    expect(akaSessionKeys(2, "MD5", { ck, ik })).toEqual({
      ck: createHmac("md5", ck).update("http-digest-akav2-cipherkey").digest(),
      ik: createHmac("md5", ik).update("http-digest-akav2-integritykey").digest(),
    });
  });
});

test("both versions go with every hash of RFC 8760, AKAv2 first, without -sess", () => {
  expect(akaAlgorithms.map(({ name, aka, session }) => [name, aka, session])).toEqual([
    ["AKAv2-SHA-512-256", 2, false],
    ["AKAv2-SHA-256", 2, false],
    ["AKAv2-MD5", 2, false],
    ["AKAv1-SHA-512-256", 1, false],
    ["AKAv1-SHA-256", 1, false],
    ["AKAv1-MD5", 1, false],
  ]);
});

describe("keys of a subscriber", () => {
  const k = "00".repeat(16);

  test.each([
    ["k", { k: "00", opc: k }],
    ["k", { k: `${"0".repeat(31)}g`, opc: k }],
    ["k", { k: new Uint8Array(15), opc: k }],
    ["opc", { k, opc: `${k}00` }],
    ["op", { k, op: "" }],
    ["opc", { k }],
    ["opc", { k, op: k, opc: k }],
  ])("a wrong %s is named, and its value is not told", (field, keys) => {
    const open = (): unknown => milenageOf(keys);
    expect(open).toThrow(AkaError);
    expect(open).toThrow(expect.objectContaining({ code: "AKA_BAD_CREDENTIALS", field, retryable: false }));
    expect(open).not.toThrow(/0000/);
  });
});
