/** Octets of a message that a badmessage-response quotes. */
const MAX_FRAGMENT_OCTETS = 256;
/** Octets quoted before the place, when the place is where reading had to stop. */
const CONTEXT_OCTETS = 64;
/** Characters of a `desc` that goes out. */
const MAX_DESC_LENGTH = 256;

/**
 * The start tag at `offset`, as text that XML allows; at most 256 octets of it.
 *
 * @param octets of a control entity in UTF-8 or UTF-16.
 */
export function tagAt(octets: Uint8Array, offset: number): string {
  const text = textOf(octets, offset, offset + MAX_FRAGMENT_OCTETS);
  return /^<(?:[^<>"']|"[^"]*"|'[^']*')*>/.exec(text)?.[0] ?? text;
}

/** What stands around `offset`, as text that XML allows. */
export function fragmentAround(octets: Uint8Array, offset: number): string {
  // A character of UTF-16 begins at an even octet.
  const start = Math.max(0, offset - CONTEXT_OCTETS) & ~1;
  return textOf(octets, start, start + MAX_FRAGMENT_OCTETS);
}

function textOf(octets: Uint8Array, start: number, end: number): string {
  const decoder = new TextDecoder(encodingOf(octets));
  // Half a character at the cut is left out: a streaming decoder keeps it.
  return xmlSafe(decoder.decode(octets.subarray(start, end), { stream: end < octets.length }));
}

/** The text, with U+FFFD in place of what XML does not allow. XML 1.0 production 2. */
export function xmlSafe(text: string): string {
  return text.replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd");
}

/** Text that may stand in a `desc`: at most 256 characters that XML allows. */
export function descOf(text: string): string {
  return xmlSafe(text.length <= MAX_DESC_LENGTH ? text : `${text.slice(0, MAX_DESC_LENGTH - 1)}…`);
}

function encodingOf(octets: Uint8Array): string {
  if (octets[0] === 0xfe && octets[1] === 0xff) return "utf-16be";
  return octets[0] === 0xff && octets[1] === 0xfe ? "utf-16le" : "utf-8";
}
