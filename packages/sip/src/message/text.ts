import { trimBlanks } from "./chars.ts";

/**
 * Header text is kept as *octet strings*: one character per octet (0x00–0xFF), so that what came off the wire goes back
 * on it unchanged. Unicode appears only where a person reads it: {@link decodeText}, {@link encodeText}.
 */

/** RFC 3261 §25.1 `token`. */
export const TOKEN: RegExp = /^[A-Za-z0-9\-.!%*_+`'~]+$/;

const NON_ASCII = /[^\0-\x7f]/;

/** Octet string (UTF-8) to Unicode; malformed UTF-8 becomes U+FFFD. */
export function decodeText(octetString: string): string {
  return NON_ASCII.test(octetString) ? Buffer.from(octetString, "latin1").toString("utf8") : octetString;
}

/** Unicode to octet string (UTF-8, RFC 3261 §7). */
export function encodeText(text: string): string {
  return NON_ASCII.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
}

/** Index just behind the quoted string that opens at `start`, or -1 if it never closes. RFC 3261 §25.1. */
export function endOfQuoted(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x5c) i++;
    else if (c === 0x22) return i + 1;
  }
  return -1;
}

/** Content of a quoted string without quotes and escapes; other text comes back as it is. */
export function unquote(text: string): string {
  if (text.length < 2 || text.charCodeAt(0) !== 0x22) return text;
  const inner = text.slice(1, -1);
  return inner.includes("\\") ? inner.replace(/\\([\s\S])/g, "$1") : inner;
}

/** `text` as a quoted string, with `"` and `\` escaped. */
export function quote(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}

/**
 * Splits at `separator` outside quoted strings, `<…>` and `(…)`. Elements are trimmed; empty ones are kept, because
 * some grammars forbid them. An unclosed quote or bracket swallows the rest into the last element.
 */
export function splitOutside(text: string, separator: "," | ";"): string[] {
  if (!text.includes(separator)) return [trimBlanks(text)];
  const wanted = separator.charCodeAt(0);
  const parts: string[] = [];
  let from = 0;
  let angle = false;
  let comments = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      const end = endOfQuoted(text, i);
      if (end < 0) break;
      i = end - 1;
    } else if (c === 0x3c) angle = true;
    else if (c === 0x3e) angle = false;
    else if (c === 0x28 && !angle) comments++;
    else if (c === 0x29 && comments > 0) comments--;
    else if (c === wanted && !angle && comments === 0) {
      parts.push(trimBlanks(text.slice(from, i)));
      from = i + 1;
    }
  }
  parts.push(trimBlanks(text.slice(from)));
  return parts;
}
