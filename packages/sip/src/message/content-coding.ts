import { gunzipSync, inflateRawSync, inflateSync } from "node:zlib";

/** Content codings that {@link undoContentCodings} takes off; for Accept-Encoding. RFC 3261 §20.2, RFC 9110 §8.4.1. */
export const acceptedCodings: readonly string[] = ["identity", "gzip", "deflate"];

/** Codings on one body; a peer has no reason for more. */
const MAX_CODINGS = 2;

type Decoder = (octets: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", gunzipSync],
  ["x-gzip", gunzipSync],
  ["deflate", inflateEither],
]);

/** What became of a body: its octets, or why there are none. */
export type UndoneCodings =
  | { readonly kind: "decoded"; readonly octets: Uint8Array }
  /** A coding that is not taken, or too many. */
  | { readonly kind: "unsupported" }
  | { readonly kind: "malformed" }
  /** More octets than allowed, before or after. */
  | { readonly kind: "tooLarge" };

/**
 * Takes the codings of a Content-Encoding off, the last first. RFC 3261 §20.12.
 *
 * @param maxBytes of the result and of each step: a small body can unfold to a large one.
 */
export function undoContentCodings(octets: Uint8Array, contentEncoding: string, maxBytes: number): UndoneCodings {
  if (octets.length > maxBytes) return { kind: "tooLarge" };
  const codings = contentEncoding.split(",").map((coding) => coding.trim().toLowerCase());
  const real = codings.filter((coding) => coding !== "" && coding !== "identity");
  if (real.length > MAX_CODINGS) return { kind: "unsupported" };
  let decoded = octets;
  for (const coding of real.reverse()) {
    const decoder = decoders.get(coding);
    if (decoder === undefined) return { kind: "unsupported" };
    try {
      decoded = decoder(decoded, { maxOutputLength: maxBytes });
    } catch (error) {
      return { kind: isTooLarge(error) ? "tooLarge" : "malformed" };
    }
  }
  return { kind: "decoded", octets: decoded };
}

/** `deflate` is the zlib format (RFC 9110 §8.4.1.2); some send it without the zlib header. */
function inflateEither(octets: Uint8Array, options: { readonly maxOutputLength: number }): Uint8Array {
  try {
    return inflateSync(octets, options);
  } catch (error) {
    if (isTooLarge(error)) throw error;
    return inflateRawSync(octets, options);
  }
}

function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}
