import { BodyError } from "../errors.ts";
import type { CpimAddress, CpimHeader, CpimMessage } from "./types.ts";

/** Of the header fields that RFC 3862 §4 defines. */
export const CPIM_NAMESPACE = "urn:ietf:params:cpim-headers:";
/** Of the header fields that RFC 5438 §6 defines. */
export const IMDN_CPIM_NAMESPACE = "urn:ietf:params:imdn";

/** The control characters that no header may hold. RFC 3862 §2.2. */
export const CONTROL: RegExp = /[\p{Cc}--[\x80-\x9f]]/v;

const namedEscapes: Readonly<Record<string, string>> = { b: "\b", t: "\t", n: "\n", r: "\r" };
const letters: Readonly<Record<string, string>> = { "\b": "\\b", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\\": "\\\\" };

/** Text with its escapes undone; a backslash before anything else is dropped. RFC 3862 §2.3.1. */
export function unescapeCpim(value: string): string {
  return value.replaceAll(/\\(?:u([0-9A-Fa-f]{4})|([\s\S]?))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (namedEscapes[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** Text as a header value: backslashes and control characters escaped, nothing else. RFC 3862 §2.3.1. */
export function escapeCpim(text: string): string {
  return text.replaceAll(
    /[[\p{Cc}--[\x80-\x9f]]\\]/gv,
    (character) => letters[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The first field of that name, or undefined. Names count by case. */
export function cpimHeader(
  message: CpimMessage,
  name: string,
  namespace: string = CPIM_NAMESPACE,
): CpimHeader | undefined {
  return message.headers.find((header) => header.name === name && header.namespace === namespace);
}

/** The text of the first field of that name without escapes, or undefined. */
export function cpimValue(message: CpimMessage, name: string, namespace: string = CPIM_NAMESPACE): string | undefined {
  const header = cpimHeader(message, name, namespace);
  return header === undefined ? undefined : unescapeCpim(header.value);
}

/**
 * Reads `[formal-name] <uri>`. RFC 3862 §4.1. A bare URI is taken too.
 *
 * @throws {BodyError} BODY_BAD_DOCUMENT naming `field`.
 */
export function parseCpimAddress(value: string, field: string): CpimAddress {
  const text = value.trim();
  if (/^[A-Za-z][A-Za-z0-9+.-]*:[^<>\s"]+$/.test(text)) return { uri: text };
  const open = text.lastIndexOf("<");
  const uri = text.slice(open + 1, -1);
  if (open < 0 || !text.endsWith(">") || !/^[^<>\s]+$/.test(uri)) {
    throw new BodyError("BODY_BAD_DOCUMENT", field, `${JSON.stringify(text.slice(0, 60))} is no address`);
  }
  const name = text.slice(0, open).trim();
  const displayName = unescapeCpim(name.replace(/^"(.*)"$/s, "$1"));
  return displayName === "" ? { uri } : { displayName, uri };
}

/**
 * `"formal name" <uri>` as a header value.
 *
 * @throws {BodyError} BODY_BAD_VALUE for a URI that would not come back.
 */
export function serializeCpimAddress({ displayName, uri }: CpimAddress): string {
  if (!/^[^<>\s]+$/.test(uri)) throw new BodyError("BODY_BAD_VALUE", "uri", `${JSON.stringify(uri)} is no URI`);
  return displayName === undefined ? `<${uri}>` : `"${escapeCpim(displayName).replaceAll('"', '\\"')}" <${uri}>`;
}
