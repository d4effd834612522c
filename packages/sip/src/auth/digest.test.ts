import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { encodeText } from "../message/index.ts";
import {
  type DigestAlgorithm,
  digestAlgorithms,
  digestHa1,
  digestHash,
  digestResponse,
  digestUserhash,
  findAlgorithm,
  type Qop,
} from "./digest.ts";

interface Row {
  id: string;
  username: string;
  realm: string;
  password: string;
  method: string;
  uri: string;
  nonce: string;
  algorithm: string;
  cnonce?: string;
  nc?: string;
  qop?: Qop;
  body?: string;
  userhash?: string;
  response: string;
  responseWithCutSha512?: string;
}

const vectors = JSON.parse(readFileSync(new URL("../../vectors/auth.json", import.meta.url), "utf8")) as {
  digest: Row[];
  emptyBody: Array<{ id: string; algorithm: "MD5" | "SHA-256"; value: string }>;
};

function algorithmOf(name: string): DigestAlgorithm {
  const row = findAlgorithm(name);
  if (row === undefined) throw new Error(name);
  return row;
}

function compute(row: Row): string {
  const algorithm = algorithmOf(row.algorithm);
  const { nonce, method, uri, qop, nc, cnonce } = row;
  const ha1 = digestHa1(algorithm.hash, encodeText(row.username), row.realm, row.password);
  const body = row.body === undefined ? undefined : Buffer.from(row.body);
  return digestResponse({ algorithm, ha1, nonce, method, uri, qop, nc, cnonce, body });
}

describe("digestResponse", () => {
  test.each(vectors.digest)("gives the response of vector $id", (row) => {
    expect(compute(row)).toBe(row.response);
  });

  test("hashes the user name as the corrected RFC 7616 §3.9.2 does", () => {
    const row = vectors.digest.find(({ userhash }) => userhash !== undefined) as Row;
    expect(digestUserhash("SHA-512-256", encodeText(row.username), row.realm)).toBe(row.userhash);
  });

  test("uses SHA-512/256 of FIPS 180-4 and not the cut SHA-512 printed in RFC 7616 §3.9.2 (erratum 4897)", () => {
    const row = vectors.digest.find(({ responseWithCutSha512 }) => responseWithCutSha512 !== undefined) as Row;
    expect(compute(row)).not.toBe(row.responseWithCutSha512);
  });

  test.each(vectors.emptyBody)("hashes no body as the empty body: $id (RFC 8760 §2.6 (7))", ({ algorithm, value }) => {
    expect(digestHash(algorithm, new Uint8Array(0))).toBe(value);
    const input = {
      algorithm: algorithmOf(algorithm),
      ha1: "0",
      nonce: "n",
      method: "M",
      uri: "u",
      nc: "1",
      cnonce: "c",
    };
    const without = digestResponse({ ...input, qop: "auth-int" });
    expect(without).toBe(digestResponse({ ...input, qop: "auth-int", body: new Uint8Array(0) }));
    expect(without).not.toBe(digestResponse({ ...input, qop: "auth-int", body: new Uint8Array(1) }));
  });

  test("writes 32 hex digits for MD5 and 64 for the SHA family (RFC 8760 §2.2)", () => {
    const lengths = digestAlgorithms.map((algorithm) => {
      const response = digestResponse({ algorithm, ha1: "0", nonce: "n", method: "M", uri: "u" });
      expect(response).toMatch(/^[0-9a-f]+$/);
      return [algorithm.name, response.length];
    });
    expect(lengths).toEqual([
      ["SHA-512-256", 64],
      ["SHA-512-256-sess", 64],
      ["SHA-256", 64],
      ["SHA-256-sess", 64],
      ["MD5", 32],
      ["MD5-sess", 32],
    ]);
  });

  test("normalizes a password to NFC, so that both spellings of ä are one (RFC 7616 §4)", () => {
    expect(digestHa1("SHA-256", "u", "r", "a\u0308")).toBe(digestHa1("SHA-256", "u", "r", "\u00e4"));
  });

  test("takes a binary password octet for octet, as AKA's RES needs (RFC 3310 §3.3)", () => {
    const res = Uint8Array.of(0x00, 0x80, 0xff, 0x3a);
    const expected = digestHash("MD5", "u:r:\x00\x80\xff\x3a");
    expect(digestHa1("MD5", "u", "r", res)).toBe(expected);
  });
});

describe("findAlgorithm", () => {
  test("knows names in any case, takes MD5 for none, and nothing for others (RFC 7616 §3.3)", () => {
    expect(findAlgorithm("sha-256")?.name).toBe("SHA-256");
    expect(findAlgorithm(undefined)?.name).toBe("MD5");
    expect(findAlgorithm("AKAv1-MD5")).toBeUndefined();
  });
});
