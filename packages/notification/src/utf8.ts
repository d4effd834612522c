import { NotificationError } from "./errors.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Strings as UTF-8; octets as they are. */
export function toOctets(value: string | Uint8Array): Uint8Array {
  return typeof value === "string" ? encoder.encode(value) : value;
}

/** The parts one after the other; strings as UTF-8. */
export function concatOctets(...parts: readonly (string | Uint8Array)[]): Uint8Array {
  const chunks = parts.map(toOctets);
  const joined = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}

/** UTF-8 of `text`. A lone surrogate has no UTF-8 and would silently become U+FFFD, so it is refused. */
export function encodeUtf8(text: string, field: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text)) {
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", "holds a lone surrogate, which has no UTF-8", { field });
  }
  return encoder.encode(text);
}

/** Text of UTF-8 `octets` which start at `offset` of the input; errors give the offset of the first bad octet. */
export function decodeUtf8(octets: Uint8Array, field: string, offset: number): string {
  try {
    return decoder.decode(octets);
  } catch (cause) {
    const at = offset + validPrefixLength(octets);
    throw new NotificationError("NOTIFICATION_BAD_UTF8", "is not UTF-8", { field, offset: at, cause });
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
