import { isIP, isIPv6 } from "node:net";
import {
  ALPHANUM,
  DIGIT,
  isAll,
  isAllEscaped,
  isIn,
  PASSWORD_CHAR,
  URI_HEADER_CHAR,
  URI_PARAM_CHAR,
  USER_CHAR,
} from "./chars.ts";
import { SipParseError } from "./errors.ts";
import type { Params } from "./params.ts";

/** `sip:` or `sips:` URI, RFC 3261 §19.1. Text fields keep their escapes; `host` is lower-case. */
export interface SipUri {
  readonly scheme: "sip" | "sips";
  readonly user?: string;
  readonly password?: string;
  /** Host name, IPv4 address, or IPv6 reference with its brackets. */
  readonly host: string;
  readonly port?: number;
  readonly params: Params;
  /** `name`, `value` pairs behind `?`, in order. */
  readonly headers: ReadonlyArray<readonly [string, string]>;
}

/** `tel:` URI, RFC 3966. `number` keeps its visual separators. */
export interface TelUri {
  readonly scheme: "tel";
  readonly number: string;
  readonly params: Params;
}

/** A URI of any other scheme, not looked into. */
export interface OtherUri {
  readonly scheme: "other";
  readonly text: string;
}

export type Uri = SipUri | TelUri | OtherUri;

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/;
// The first digit is the first character that is no separator: one way to match, so no backtracking.
const TEL_NUMBER = /^(?:\+[-.()]*[0-9][0-9\-.()]*|[-.()]*[0-9A-Fa-f*#][0-9A-Fa-f*#\-.()]*)$/;
const OTHER = /^[\x21-\x7e]+$/;

/**
 * Parses a URI as it stands in a Request-URI or between `<` and `>`.
 *
 * @throws {SipParseError} SIP_BAD_URI, with `field` as given.
 */
export function parseUri(text: string, field = "URI"): Uri {
  if (text.startsWith("sip:")) return parseSip("sip", text, 4, field);
  const scheme = SCHEME.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) throw bad(field, `no scheme in "${text.slice(0, 80)}"`);
  const start = scheme.length + 1;
  if (scheme === "sip" || scheme === "sips") return parseSip(scheme, text, start, field);
  if (scheme === "tel") return parseTel(text.slice(start), field);
  if (text.length === start || !OTHER.test(text))
    throw bad(field, `"${text.slice(0, 80)}" has characters outside a URI`);
  return { scheme: "other", text };
}

function parseSip(scheme: "sip" | "sips", text: string, start: number, field: string): SipUri {
  const at = text.indexOf("@", start);
  const hostStart = at < 0 ? start : at + 1;
  const question = text.indexOf("?", hostStart);
  const paramsEnd = question < 0 ? text.length : question;
  const semicolon = text.indexOf(";", hostStart);
  const hostEnd = semicolon < 0 || semicolon > paramsEnd ? paramsEnd : semicolon;
  const { host, port } = parseHostPort(text.slice(hostStart, hostEnd), field);
  const params =
    hostEnd === paramsEnd
      ? new Map<string, string | null>()
      : parseUriParams(text.slice(hostEnd + 1, paramsEnd), field);
  const headers = question < 0 ? NO_HEADERS : parseHeaders(text.slice(question + 1), field);
  const uri: { -readonly [K in keyof SipUri]: SipUri[K] } = { scheme, host, params, headers };
  if (port !== undefined) uri.port = port;
  if (at < 0) return uri;
  const colon = text.indexOf(":", start);
  const userEnd = colon < 0 || colon > at ? at : colon;
  if (userEnd === start || !isAllEscaped(text, USER_CHAR, start, userEnd)) throw bad(field, "bad user part");
  uri.user = text.slice(start, userEnd);
  if (userEnd === at) return uri;
  if (!isAllEscaped(text, PASSWORD_CHAR, userEnd + 1, at)) throw bad(field, "bad password part");
  uri.password = text.slice(userEnd + 1, at);
  return uri;
}

const NO_HEADERS: SipUri["headers"] = Object.freeze([]);

/**
 * Parses `host[:port]`; the host comes back lower-case, an IPv6 reference with its brackets.
 *
 * @throws {SipParseError} SIP_BAD_URI. RFC 3261 §25.1 hostport, RFC 5118 §4 for IPv6 references.
 */
export function parseHostPort(text: string, field: string): { host: string; port?: number } {
  const bracket = text.startsWith("[") ? text.indexOf("]") : 0;
  const colon = text.indexOf(":", bracket);
  const hostText = (colon < 0 ? text : text.slice(0, colon)).toLowerCase();
  const host = bracket > 0 ? ipv6Reference(hostText) : isHostName(hostText) ? hostText : undefined;
  if (host === undefined) throw bad(field, `bad host "${text.slice(0, 80)}"`);
  if (colon < 0) return { host };
  const port = isAll(text, DIGIT, colon + 1) && text.length - colon <= 6 ? Number(text.slice(colon + 1)) : 65_536;
  if (port > 65_535) throw bad(field, `bad port "${text.slice(colon + 1, colon + 20)}"`);
  return { host, port };
}

/** `[address]` without a zone, or undefined. The grammar's own mistake of three colons is mended (RFC 5118 §4.10). */
function ipv6Reference(text: string): string | undefined {
  if (!text.endsWith("]") || text.includes("%")) return undefined;
  const mended = text.replace(":::", "::");
  return isIPv6(mended.slice(1, -1)) ? mended : undefined;
}

/**
 * Labels of letters, digits and inner hyphens, with dots between and perhaps one behind. Underscores and a top label
 * that begins with a digit are outside the grammar, yet container host names have them.
 */
function isHostName(text: string): boolean {
  let last = DOT;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if ((c === DOT && (last === DOT || last === HYPHEN)) || (c === HYPHEN && last === DOT)) return false;
    if (c !== DOT && c !== HYPHEN && c !== UNDERSCORE && !isIn(c, ALPHANUM)) return false;
    last = c;
  }
  return text !== "" && text !== "." && last !== HYPHEN;
}

const DOT = 0x2e;
const HYPHEN = 0x2d;
const UNDERSCORE = 0x5f;

function parseUriParams(text: string, field: string): Params {
  const params: Params = new Map();
  for (const part of text.split(";")) {
    const equals = part.indexOf("=");
    const nameEnd = equals < 0 ? part.length : equals;
    const ok =
      nameEnd > 0 &&
      isAllEscaped(part, URI_PARAM_CHAR, 0, nameEnd) &&
      (equals < 0 || (part.length > equals + 1 && isAllEscaped(part, URI_PARAM_CHAR, equals + 1, part.length)));
    if (!ok) throw bad(field, `bad parameter "${part.slice(0, 80)}"`);
    // `%6C%72` is `lr` (RFC 4475 §3.1.1.3).
    const name = unescapeUnreserved(part.slice(0, nameEnd)).toLowerCase();
    if (params.has(name)) throw bad(field, `parameter "${name}" appears twice`);
    params.set(name, equals < 0 ? null : part.slice(equals + 1));
  }
  return params;
}

/** Undoes the escapes that mean the same as the bare character; those of reserved ones stay. RFC 3261 §19.1.4. */
export function unescapeUnreserved(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(/%[0-9A-Fa-f]{2}/g, (escape) => {
    const char = String.fromCharCode(Number.parseInt(escape.slice(1), 16));
    return /[A-Za-z0-9\-_.!~*'()]/.test(char) ? char : escape.toUpperCase();
  });
}

function parseHeaders(text: string, field: string): Array<readonly [string, string]> {
  return text.split("&").map((part) => {
    const equals = part.indexOf("=");
    const ok =
      equals > 0 &&
      isAllEscaped(part, URI_HEADER_CHAR, 0, equals) &&
      isAllEscaped(part, URI_HEADER_CHAR, equals + 1, part.length);
    if (!ok) throw bad(field, `bad header "${part.slice(0, 80)}"`);
    return [part.slice(0, equals), part.slice(equals + 1)] as const;
  });
}

function parseTel(rest: string, field: string): TelUri {
  const semicolon = rest.indexOf(";");
  const number = semicolon < 0 ? rest : rest.slice(0, semicolon);
  if (!TEL_NUMBER.test(number)) throw bad(field, `bad telephone number "${number.slice(0, 80)}"`);
  const params = semicolon < 0 ? new Map<string, string | null>() : parseUriParams(rest.slice(semicolon + 1), field);
  return { scheme: "tel", number, params };
}

/** The URI as text; what was parsed and not changed comes back equal but for the case of host, scheme and names. */
export function serializeUri(uri: Uri): string {
  if (uri.scheme === "other") return uri.text;
  let text = `${uri.scheme}:`;
  if (uri.scheme === "tel") text += uri.number;
  else {
    if (uri.user !== undefined) text += uri.password === undefined ? `${uri.user}@` : `${uri.user}:${uri.password}@`;
    text += uri.port === undefined ? uri.host : `${uri.host}:${uri.port}`;
  }
  for (const [name, value] of uri.params) text += value === null ? `;${name}` : `;${name}=${value}`;
  if (uri.scheme !== "tel" && uri.headers.length > 0) {
    text += `?${uri.headers.map(([name, value]) => `${name}=${value}`).join("&")}`;
  }
  return text;
}

/** A host without the brackets of an IPv6 reference: what sockets and resolvers take. */
export function bareHost(host: string): string {
  return host.startsWith("[") ? host.slice(1, -1) : host;
}

/** A host as it stands in a URI: IPv6 addresses in brackets. */
export function hostInUri(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}

/** True for an IPv4 address or an IPv6 address, with or without brackets. */
export function isNumericHost(host: string): boolean {
  return isIP(bareHost(host)) !== 0;
}

function bad(field: string, problem: string): SipParseError {
  return new SipParseError("SIP_BAD_URI", field, problem);
}
