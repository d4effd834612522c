/** Delimiters of a SIP URI, also escaped as in a WAPPUSH address. */
const SCHEME = /sips?(?::|%3a)/i;
const COLON = /:|%3a/i;

/**
 * What an initiator wrote as an address, for a log: what is no recipient is kept as it came, and a password in it may be why. Takes time
 * in proportion to the length, which nobody has limited.
 */
export function withoutPassword(text: string): string {
  const at = text.includes("@") ? text.lastIndexOf("@") : text.search(/%40/i);
  const scheme = SCHEME.exec(text);
  if (scheme === null || at < scheme.index) return text;
  const from = scheme.index + scheme[0].length;
  const colon = text.slice(from, at).search(COLON);
  return colon < 0 ? text : text.slice(0, from + colon) + text.slice(at);
}
