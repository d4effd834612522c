import { deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { undoContentCodings } from "./content-coding.ts";

const octets = Uint8Array.from({ length: 256 }, (_, i) => i);
const LIMIT = 1000;

describe("content codings (RFC 3261 §20.12)", () => {
  it.each<[string, Uint8Array]>([
    ["identity", octets],
    ["gzip", gzipSync(octets)],
    ["X-GZip", gzipSync(octets)],
    ["deflate", deflateSync(octets)],
    ["deflate", deflateRawSync(octets)],
    ["deflate, gzip", gzipSync(deflateSync(octets))],
    ["identity, gzip", gzipSync(octets)],
  ])("%s is taken off", (coding, body) => {
    expect(undoContentCodings(body, coding, LIMIT)).toEqual({ kind: "decoded", octets: expect.anything() });
    const undone = undoContentCodings(body, coding, LIMIT);
    expect(undone.kind === "decoded" && Buffer.from(undone.octets).equals(Buffer.from(octets))).toBe(true);
  });

  it.each<[string, string, Uint8Array, string]>([
    ["a coding that is not known", "br", octets, "unsupported"],
    ["a name that every object has", "constructor", octets, "unsupported"],
    ["three codings", "gzip, gzip, gzip", octets, "unsupported"],
    ["octets of another coding", "gzip", octets, "malformed"],
    ["octets that end early", "gzip", gzipSync(octets).subarray(0, 40), "malformed"],
    ["what unfolds beyond the limit", "gzip", gzipSync(new Uint8Array(LIMIT + 1)), "tooLarge"],
    [
      "what unfolds beyond it without the zlib header",
      "deflate",
      deflateRawSync(new Uint8Array(LIMIT + 1)),
      "tooLarge",
    ],
    ["what is beyond it already", "identity", new Uint8Array(LIMIT + 1), "tooLarge"],
  ])("%s is refused", (_, coding, body, kind) => {
    expect(undoContentCodings(body, coding, LIMIT)).toEqual({ kind });
  });

  it("never throws, and never gives more than the limit", () => {
    const coding = fc.constantFrom("gzip", "deflate", "gzip, deflate", "identity", "", ",", "x");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), coding, fc.nat(300), (body, text, maxBytes) => {
        const undone = undoContentCodings(body, text, maxBytes);
        if (undone.kind === "decoded") expect(undone.octets.length).toBeLessThanOrEqual(maxBytes);
      }),
    );
  });
});
