import * as fc from "fast-check";
import { expect } from "vitest";
import { BodyError } from "../errors.ts";

export const octetsOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (octets: Uint8Array): string => new TextDecoder().decode(octets);
export const crlf = (text: string): string => text.replaceAll("\n", "\r\n");

/** The BodyError that `decode` throws. */
export function refusalOf(decode: () => unknown): BodyError {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(BodyError);
    return error as BodyError;
  }
  throw new Error("was taken");
}

/** Every proper prefix of `octets` is refused; `BODY_TRUNCATED` unless told otherwise. */
export function expectTruncationsRefused(octets: Uint8Array, decode: (octets: Uint8Array) => unknown): void {
  for (let length = 0; length < octets.length; length++) {
    expect(refusalOf(() => decode(octets.subarray(0, length))).code).toBe("BODY_TRUNCATED");
  }
}

/** Octets, and `seed` with some of it overwritten, doubled or cut: `decode` throws nothing but BodyError. */
export function expectOnlyBodyErrors(seed: Uint8Array, decode: (octets: Uint8Array) => unknown): void {
  const splice = fc.tuple(fc.nat(seed.length), fc.nat(20), fc.uint8Array({ maxLength: 4 }));
  const mutated = fc.array(splice, { minLength: 1, maxLength: 4 }).map((splices) => {
    let octets = seed;
    for (const [at, length, inserted] of splices) {
      octets = Uint8Array.from([...octets.subarray(0, at), ...inserted, ...octets.subarray(at + length)]);
    }
    return octets;
  });
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 80 })), (octets) => {
      try {
        decode(octets);
      } catch (error) {
        expect(error).toBeInstanceOf(BodyError);
      }
    }),
    { numRuns: 500 },
  );
}
