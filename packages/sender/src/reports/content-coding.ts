import { gunzipSync, inflateRawSync, inflateSync } from "node:zlib";
import { contentCodings } from "@sip-push/push";

/** Codings undone here; for Accept-Encoding. RFC 3261 §20.2. */
export const acceptedCodings = "identity, gzip, deflate";

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
  | { readonly kind: "unsupported" | "malformed" | "tooLarge" };

/**
 * Takes the codings of a Content-Encoding off, the last first. RFC 3261 §20.12. Reports of some handsets are deflated.
 *
 * @param maxBytes of the result and of each step: a small body can unfold to a large one.
 */
export function undoContentCodings(octets: Uint8Array, contentEncoding: string, maxBytes: number): UndoneCodings {
  if (octets.length > maxBytes) return { kind: "tooLarge" };
  const codings = contentCodings(contentEncoding);
  if (codings.length > MAX_CODINGS) return { kind: "unsupported" };
  let decoded = octets;
  for (const coding of codings.reverse()) {
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
