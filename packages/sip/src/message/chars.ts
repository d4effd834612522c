/**
 * Character classes of RFC 3261 §25.1, one bit each, looked up by octet: header text is scanned once, without regular
 * expressions, because this is what every message costs and what hostile input tries to make expensive.
 */
export const ALPHANUM = 1;
export const DIGIT = 2;
/** `token`. */
export const TOKEN_CHAR = 4;
/** `user`, without its escapes. */
export const USER_CHAR = 8;
/** `password`, without its escapes. */
export const PASSWORD_CHAR = 16;
/** `paramchar`, without its escapes. */
export const URI_PARAM_CHAR = 32;
/** `hname` and `hvalue`, without their escapes. */
export const URI_HEADER_CHAR = 64;
/** `gen-value` outside quotes: token, and host with the `[` `]` `:` of IPv6. */
export const PARAM_VALUE_CHAR = 128;

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const digits = "0123456789";
const unreserved = `${letters}${digits}-_.!~*'()`;
const token = `${letters}${digits}-.!%*_+\`'~`;

const members: ReadonlyArray<readonly [bit: number, characters: string]> = [
  [ALPHANUM, letters + digits],
  [DIGIT, digits],
  [TOKEN_CHAR, token],
  [USER_CHAR, `${unreserved}&=+$,;?/`],
  [PASSWORD_CHAR, `${unreserved}&=+$,`],
  [URI_PARAM_CHAR, `${unreserved}[]/:&+$`],
  [URI_HEADER_CHAR, `${unreserved}[]/?:+$`],
  [PARAM_VALUE_CHAR, `${token}[]:`],
];

const classes = new Uint8Array(256);
for (const [bit, characters] of members) {
  for (const c of characters) classes[c.charCodeAt(0)] = (classes[c.charCodeAt(0)] as number) | bit;
}

/** True when the character code is in the class; a code above 0xFF is in none. */
export function isIn(code: number, bit: number): boolean {
  return ((classes[code] as number) & bit) !== 0;
}

/** Index of the first character from `from` that is not in the class; `to` when all are. */
export function spanOf(text: string, bit: number, from: number, to: number = text.length): number {
  let i = from;
  while (i < to && ((classes[text.charCodeAt(i)] as number) & bit) !== 0) i++;
  return i;
}

/** True when `text[from, to)` is one or more characters of the class. */
export function isAll(text: string, bit: number, from = 0, to: number = text.length): boolean {
  return to > from && spanOf(text, bit, from, to) === to;
}

/** Like {@link isAll}, with `%` and two hexadecimal digits counted as one more character; true for nothing at all. */
export function isAllEscaped(text: string, bit: number, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const c = text.charCodeAt(i);
    if (((classes[c] as number) & bit) !== 0) continue;
    if (c !== 0x25 || i + 2 >= to || !isHex(text.charCodeAt(i + 1)) || !isHex(text.charCodeAt(i + 2))) return false;
    i += 2;
  }
  return true;
}

function isHex(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || (c >= 0x41 && c <= 0x46) || (c >= 0x61 && c <= 0x66);
}

/** SP or HTAB. */
export function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

/** Index of the first character from `from` that is no blank. */
export function skipBlanks(text: string, from: number, to: number = text.length): number {
  let i = from;
  while (i < to && isBlank(text.charCodeAt(i))) i++;
  return i;
}

/** `text` without blanks at both ends. Not `trim`: that takes 0xA0 too, which is half of a UTF-8 letter here. */
export function trimBlanks(text: string): string {
  const from = skipBlanks(text, 0);
  let to = text.length;
  while (to > from && isBlank(text.charCodeAt(to - 1))) to--;
  return from === 0 && to === text.length ? text : text.slice(from, to);
}
