import { BodyError } from "../errors.ts";
import type { TransferEncoding } from "./types.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const LINE = 76;

const SPACE = 0x20;
const TAB = 0x09;
const CR = 0x0d;
const LF = 0x0a;
const EQUALS = 0x3d;

/** Value by octet; 64 for blanks and line ends, 65 for `=`, 66 for what may not stand there. */
const base64Values = new Uint8Array(256).fill(66);
for (let i = 0; i < 64; i++) base64Values[ALPHABET.charCodeAt(i)] = i;
for (const blank of [SPACE, TAB, CR, LF]) base64Values[blank] = 64;
base64Values[EQUALS] = 65;

/** The encodings by name, in lower case. RFC 2045 §6.1. */
export function transferEncodingOf(name: string): TransferEncoding | undefined {
  const lower = name.trim().toLowerCase();
  return encodings.find((encoding) => encoding === lower);
}

const encodings: readonly TransferEncoding[] = ["7bit", "8bit", "binary", "base64", "quoted-printable"];

/**
 * Undoes a transfer encoding; the octets themselves for those that change nothing.
 *
 * @param offset of the octets in the body, for the error.
 * @throws {BodyError} BODY_BAD_MIME.
 */
export function decodeTransfer(
  octets: Uint8Array,
  encoding: TransferEncoding,
  field: string,
  offset: number,
): Uint8Array {
  if (encoding === "base64") return decodeBase64(octets, field, offset);
  return encoding === "quoted-printable" ? decodeQuotedPrintable(octets, field, offset) : octets;
}

/** @throws {BodyError} BODY_BAD_VALUE when `7bit` or `8bit` is promised of octets that are not. */
export function encodeTransfer(octets: Uint8Array, encoding: TransferEncoding, field: string): Uint8Array {
  if (encoding === "base64") return encodeBase64(octets);
  if (encoding === "quoted-printable") return encodeQuotedPrintable(octets);
  const allowed = { "7bit": 0x7f, "8bit": 0xff, binary: 0xff }[encoding];
  if (encoding !== "binary" && octets.some((octet) => octet === 0 || octet > allowed)) {
    throw new BodyError("BODY_BAD_VALUE", field, `is not ${encoding}`);
  }
  return octets;
}

/** RFC 2045 §6.8. Takes line ends anywhere and no padding; refuses other characters and a lone one at the end. */
function decodeBase64(octets: Uint8Array, field: string, offset: number): Uint8Array {
  const decoded = new Uint8Array(Math.floor((octets.length * 3) / 4));
  let length = 0;
  let bits = 0;
  let count = 0;
  let padding = 0;
  for (let i = 0; i < octets.length; i++) {
    const value = base64Values[octets[i] as number] as number;
    if (value === 64) continue;
    if (value === 65) padding++;
    else if (value === 66 || padding > 0) throw badTransfer(field, "is not base64", offset + i);
    else {
      bits = ((bits << 6) | value) & 0xffffff;
      count++;
      if (count % 4 !== 1) decoded[length++] = (bits >> (((4 - (count % 4)) % 4) * 2)) & 0xff;
    }
  }
  if (count % 4 === 1 || padding > 2 || (padding > 0 && (count + padding) % 4 !== 0)) {
    throw badTransfer(field, "is not whole base64", offset + octets.length);
  }
  return decoded.subarray(0, length);
}

function encodeBase64(octets: Uint8Array): Uint8Array {
  const groups = Math.ceil(octets.length / 3);
  const lineEnds = Math.max(Math.ceil((groups * 4) / LINE) - 1, 0);
  const encoded = new Uint8Array(groups * 4 + lineEnds * 2);
  let at = 0;
  for (let i = 0; i < octets.length; i += 3) {
    if (i > 0 && (i / 3) % (LINE / 4) === 0) {
      encoded[at++] = CR;
      encoded[at++] = LF;
    }
    const left = octets.length - i;
    const bits = ((octets[i] as number) << 16) | ((octets[i + 1] ?? 0) << 8) | (octets[i + 2] ?? 0);
    for (let k = 0; k < 4; k++) {
      encoded[at++] = k > left ? EQUALS : ALPHABET.charCodeAt((bits >> (18 - 6 * k)) & 63);
    }
  }
  return encoded;
}

/** RFC 2045 §6.7. Blanks before a line end are gone, and `=` at the end of a line joins it to the next. */
function decodeQuotedPrintable(octets: Uint8Array, field: string, offset: number): Uint8Array {
  const decoded = new Uint8Array(octets.length);
  let length = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] as number;
    if (octet === SPACE || octet === TAB) {
      const end = skipBlanks(octets, i);
      // Blanks that a line ends with were added on the way. §6.7 rule 3.
      if (end < octets.length && octets[end] !== CR && octets[end] !== LF) {
        while (i < end) decoded[length++] = octets[i++] as number;
      } else i = end;
      i--;
    } else if (octet !== EQUALS) decoded[length++] = octet;
    else {
      const value = hexValue(octets[i + 1]) * 16 + hexValue(octets[i + 2]);
      if (!Number.isNaN(value)) {
        decoded[length++] = value;
        i += 2;
      } else i = endOfSoftBreak(octets, i + 1, field, offset) - 1;
    }
  }
  return decoded.subarray(0, length);
}

function endOfSoftBreak(octets: Uint8Array, from: number, field: string, offset: number): number {
  const end = skipBlanks(octets, from);
  if (octets[end] === LF) return end + 1;
  if (octets[end] === CR && octets[end + 1] === LF) return end + 2;
  throw badTransfer(field, "is not quoted-printable", offset + from - 1);
}

/** Line ends are encoded too: what was binary comes back the same. RFC 2045 §6.7 rule 4. */
function encodeQuotedPrintable(octets: Uint8Array): Uint8Array {
  let text = "";
  let column = 0;
  for (const octet of octets) {
    const isPlain = octet > SPACE && octet < 0x7f && octet !== EQUALS;
    const piece = isPlain ? String.fromCharCode(octet) : `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    if (column + piece.length > LINE - 1) {
      text += "=\r\n";
      column = 0;
    }
    text += piece;
    column += piece.length;
  }
  return new TextEncoder().encode(text);
}

function skipBlanks(octets: Uint8Array, from: number): number {
  let i = from;
  while (octets[i] === SPACE || octets[i] === TAB) i++;
  return i;
}

function hexValue(octet: number | undefined): number {
  if (octet === undefined) return Number.NaN;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : Number.NaN;
}

function badTransfer(field: string, problem: string, offset: number): BodyError {
  return new BodyError("BODY_BAD_MIME", field, problem, { offset });
}
