import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib";
import { contentCodings, type Representation } from "@sip-push/push";

type Decode = (octets: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/** Content codings that can be taken off. RFC 3261 §20.12, RFC 9110 §8.4.1. */
const decoders: Readonly<Record<string, Decode>> = {
  gzip: gunzipSync,
  "x-gzip": gunzipSync,
  deflate: inflateSync,
  br: brotliDecompressSync,
};

/**
 * The same content without its content codings, for a receiver that takes none (RFC 3261 §8.2.3); undefined when it has
 * none, or one that is unknown, or it does not decode into `maxBodyBytes`.
 */
export function withoutCodings(representation: Representation, maxBodyBytes: number): Representation | undefined {
  const codings = contentCodings(representation.contentEncoding);
  if (codings.length === 0) return undefined;
  const { contentEncoding: _, ...rest } = representation;
  let { body } = representation;
  try {
    for (const coding of codings.reverse()) {
      const decode = Object.hasOwn(decoders, coding) ? decoders[coding] : undefined;
      if (decode === undefined) return undefined;
      body = decode(body, { maxOutputLength: maxBodyBytes });
    }
  } catch {
    return undefined;
  }
  return { ...rest, body };
}
