import { isAll, skipBlanks, TOKEN_CHAR, trimBlanks } from "./chars.ts";
import { SipParseError } from "./errors.ts";
import { type Params, parseParams, serializeParams } from "./params.ts";
import { decodeText, encodeText, endOfQuoted, quote, unquote } from "./text.ts";
import { parseUri, serializeUri, type Uri } from "./uri.ts";

/** name-addr or addr-spec with header parameters: From, To, Contact, Route, … RFC 3261 §20.10, §25.1. */
export interface NameAddr {
  /** Unicode, without quotes. */
  readonly displayName?: string;
  readonly uri: Uri;
  /** The URI exactly as written: what a Request-URI or a comparison of octets needs. */
  readonly uriText: string;
  readonly params: Params;
}

/**
 * Parses one name-addr / addr-spec.
 *
 * @throws {SipParseError} SIP_BAD_HEADER or SIP_BAD_URI naming `field`.
 */
export function parseNameAddr(text: string, field: string): NameAddr {
  const source = trimBlanks(text);
  const open = openingBracket(source, field);
  if (open < 0) return parseAddrSpec(source, field);
  const close = source.indexOf(">", open);
  if (close < 0) throw new SipParseError("SIP_BAD_HEADER", field, "no closing >");
  const tail = skipBlanks(source, close + 1);
  if (tail < source.length && source.charCodeAt(tail) !== SEMICOLON) {
    throw new SipParseError("SIP_BAD_HEADER", field, "text after >");
  }
  const uriText = source.slice(open + 1, close);
  const address = { uri: parseUri(uriText, field), uriText, params: parseParams(source.slice(tail), field) };
  const displayName = open === 0 ? "" : parseDisplayName(trimBlanks(source.slice(0, open)), field);
  return displayName === "" ? address : { displayName, ...address };
}

const SEMICOLON = 0x3b;

function openingBracket(source: string, field: string): number {
  if (!source.startsWith('"')) return source.indexOf("<");
  const end = endOfQuoted(source, 0);
  if (end < 0) throw new SipParseError("SIP_BAD_HEADER", field, "quoted string never closes");
  const open = skipBlanks(source, end);
  if (source[open] !== "<") throw new SipParseError("SIP_BAD_HEADER", field, "display name without <address>");
  return open;
}

/** Without brackets, parameters belong to the header, and `,` `?` may not stand in the URI. RFC 3261 §20. */
function parseAddrSpec(source: string, field: string): NameAddr {
  const semicolon = source.indexOf(";");
  const uriText = semicolon < 0 ? source : trimBlanks(source.slice(0, semicolon));
  if (/[,?]/.test(uriText)) throw new SipParseError("SIP_BAD_HEADER", field, "this URI must be enclosed in < >");
  const params = parseParams(semicolon < 0 ? "" : source.slice(semicolon), field);
  return { uri: parseUri(uriText, field), uriText, params };
}

function parseDisplayName(text: string, field: string): string {
  if (text === "") return "";
  if (text.startsWith('"')) return decodeText(unquote(text));
  for (const word of text.split(/[ \t]+/)) {
    if (!isAll(word, TOKEN_CHAR)) throw new SipParseError("SIP_BAD_HEADER", field, "display name must be quoted");
  }
  return text;
}

/** `"Name" <uri>;params`, always with brackets. */
export function serializeNameAddr(address: {
  displayName?: string;
  uri: Uri | string;
  params?: ReadonlyMap<string, string | null>;
}): string {
  const uri = typeof address.uri === "string" ? address.uri : serializeUri(address.uri);
  const name = address.displayName === undefined ? "" : `${quote(encodeText(address.displayName))} `;
  return `${name}<${uri}>${address.params === undefined ? "" : serializeParams(address.params)}`;
}
