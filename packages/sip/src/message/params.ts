import { PARAM_VALUE_CHAR, skipBlanks, spanOf, TOKEN_CHAR } from "./chars.ts";
import { SipParseError } from "./errors.ts";
import { endOfQuoted, unquote } from "./text.ts";

/**
 * Parameters in order: lower-case name to value as written (quotes kept, so that writing them back changes nothing);
 * `null` for a parameter without a value. RFC 3261 §7.3.1: names are case-insensitive and unique.
 */
export type Params = Map<string, string | null>;

const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const QUOTE = 0x22;

/**
 * Parses `;name=value;flag` (the leading semicolon may be missing, `text` may be empty).
 *
 * @throws {SipParseError} SIP_BAD_HEADER on an empty, repeated or malformed parameter. RFC 3261 §25.1 generic-param.
 */
export function parseParams(text: string, field: string): Params {
  const params: Params = new Map();
  let at = skipBlanks(text, 0);
  if (at === text.length) return params;
  if (text.charCodeAt(at) === SEMICOLON) at++;
  for (;;) {
    at = parseParam(text, skipBlanks(text, at), params, field);
    if (at === text.length) return params;
    if (text.charCodeAt(at) !== SEMICOLON) throw bad(field, `"${text.slice(at, at + 20)}" where ";" should be`);
    at++;
  }
}

/** Reads one parameter at `start` into `params`; returns the index behind it and the blanks that follow. */
function parseParam(text: string, start: number, params: Params, field: string): number {
  const nameEnd = spanOf(text, TOKEN_CHAR, start);
  if (nameEnd === start) throw bad(field, `no parameter name at "${text.slice(start, start + 20)}"`);
  const name = text.slice(start, nameEnd).toLowerCase();
  if (params.has(name)) throw bad(field, `parameter "${name}" appears twice`);
  const behindName = skipBlanks(text, nameEnd);
  if (text.charCodeAt(behindName) !== EQUALS) {
    params.set(name, null);
    return behindName;
  }
  const from = skipBlanks(text, behindName + 1);
  const quoted = text.charCodeAt(from) === QUOTE;
  const to = quoted ? endOfQuoted(text, from) : spanOf(text, PARAM_VALUE_CHAR, from);
  if (to <= from) throw bad(field, `bad value of parameter "${name}"`);
  params.set(name, text.slice(from, to));
  return skipBlanks(text, to);
}

/** `;name=value;flag`, or "" for none. */
export function serializeParams(params: ReadonlyMap<string, string | null>): string {
  let text = "";
  for (const [name, value] of params) text += value === null ? `;${name}` : `;${name}=${value}`;
  return text;
}

/** The value of `name` without quotes; "" for a flag, undefined when absent. */
export function paramValue(params: ReadonlyMap<string, string | null>, name: string): string | undefined {
  const value = params.get(name);
  return value === undefined ? undefined : value === null ? "" : unquote(value);
}

function bad(field: string, problem: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", field, problem);
}
