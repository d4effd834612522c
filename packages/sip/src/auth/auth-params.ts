import { SipParseError, splitOutside, unquote } from "../message/index.ts";

/** `scheme name=value, name=value`: a challenge or credentials. Names are lower-case, values without quotes and escapes. */
export interface AuthElement {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

const NAME = "[A-Za-z0-9\\-.!%*_+`'~]+";
/** Peers leave the quotes off where the grammar asks for them, so any text without blanks, commas and quotes will do. */
const PARAM = new RegExp(`^(${NAME})[ \\t]*=[ \\t]*("(?:[^"\\\\]|\\\\[\\s\\S])*"|[^\\s",]*)$`);
const SCHEME = new RegExp(`^(${NAME})(?:[ \\t]+([\\s\\S]*))?$`);

/**
 * Parses the value of an Authorization, Proxy-Authorization, WWW-Authenticate or Proxy-Authenticate header field.
 * RFC 3261 §20.44 has one element per field; several, separated by commas as in HTTP, are taken too (RFC 7235 §4.1).
 * What stands in schemes other than Digest is not looked into.
 *
 * @throws {SipParseError} SIP_BAD_HEADER naming `field`; the text of a value is never in the message.
 */
export function parseAuthElements(value: string, field: string): AuthElement[] {
  const elements: Array<{ scheme: string; params: Map<string, string> }> = [];
  for (const part of splitOutside(value, ",")) {
    // RFC 7230 §7: a list may have empty elements.
    if (part === "") continue;
    const current = elements.at(-1);
    if (PARAM.test(part)) {
      if (current === undefined) throw bad(field, "parameter before any scheme");
      addParam(current.params, part, field, isDigest(current.scheme));
      continue;
    }
    const match = SCHEME.exec(part);
    if (match === null) {
      if (current !== undefined && !isDigest(current.scheme)) continue;
      throw bad(field, "malformed parameter");
    }
    const next = { scheme: match[1] as string, params: new Map<string, string>() };
    elements.push(next);
    if (match[2] !== undefined) addParam(next.params, match[2], field, isDigest(next.scheme));
  }
  return elements;
}

/**
 * Parses a list of parameters without a scheme: Authentication-Info.
 *
 * @throws {SipParseError} SIP_BAD_HEADER naming `field`.
 */
export function parseAuthParams(value: string, field: string): ReadonlyMap<string, string> {
  const params = new Map<string, string>();
  for (const part of splitOutside(value, ",")) if (part !== "") addParam(params, part, field, true);
  return params;
}

export function isDigest(scheme: string): boolean {
  return scheme.toLowerCase() === "digest";
}

function addParam(params: Map<string, string>, text: string, field: string, strict: boolean): void {
  const match = PARAM.exec(text);
  if (match === null) {
    if (strict) throw bad(field, "malformed parameter");
    return;
  }
  const name = (match[1] as string).toLowerCase();
  // RFC 7235 §2.1: a name occurs once per challenge.
  if (strict && params.has(name)) throw bad(field, `parameter "${name}" appears twice`);
  params.set(name, unquote(match[2] as string));
}

/** @throws {SipParseError} when `name` is missing. */
export function requiredParam(params: ReadonlyMap<string, string>, name: string, field: string): string {
  const value = params.get(name);
  if (value === undefined) throw bad(field, `parameter "${name}" is missing`);
  return value;
}

/** SIP_BAD_HEADER for `field`. */
export function bad(field: string, problem: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", field, problem);
}
