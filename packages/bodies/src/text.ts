import { BodyError } from "./errors.ts";

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 of `text`. A lone surrogate has no UTF-8 and would silently become U+FFFD, so it is refused. */
export function encodeUtf8(text: string, field: string): Uint8Array {
  if (!text.isWellFormed()) throw new BodyError("BODY_BAD_VALUE", field, "holds a lone surrogate, which has no UTF-8");
  return encoder.encode(text);
}

/** The octets of short `text` that is known to be ASCII: an encoder costs seven times as much. */
export function asciiOctets(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = text.charCodeAt(i);
  return octets;
}

/** Octets that `text` has in UTF-8, without making them. A lone surrogate counts as the U+FFFD that it becomes. */
export function utf8Length(text: string): number {
  let octets = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x80) octets += 1;
    else if (code < 0x800) octets += 2;
    else if (code >= 0xd800 && code <= 0xdbff && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      octets += 4;
      i++;
    } else octets += 3;
  }
  return octets;
}

/**
 * Text of UTF-8 `octets`, a mark at the beginning included.
 *
 * @param offset of the first octet in the body, for the error.
 * @throws {BodyError} BODY_BAD_CHARSET at the first octet that is not UTF-8.
 */
export function decodeUtf8(octets: Uint8Array, field: string, offset = 0): string {
  try {
    return strictDecoder.decode(octets);
  } catch (cause) {
    const at = offset + validPrefixLength(octets);
    throw new BodyError("BODY_BAD_CHARSET", field, "is not UTF-8", { offset: at, cause });
  }
}

/** Length of the longest prefix that a fatal streaming decoder takes: being valid is monotonic, so halve. */
function validPrefixLength(octets: Uint8Array): number {
  let valid = 0;
  let invalid = octets.length + 1;
  while (invalid - valid > 1) {
    const middle = (valid + invalid) >>> 1;
    if (isValidPrefix(octets.subarray(0, middle))) valid = middle;
    else invalid = middle;
  }
  return valid;
}

function isValidPrefix(octets: Uint8Array): boolean {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(octets, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** The octets one after the other. */
export function concatOctets(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
