import { isBlank, skipBlanks, spanOf, TOKEN_CHAR, trimBlanks } from "./chars.ts";
import { SipParseError } from "./errors.ts";
import { type Params, parseParams, serializeParams } from "./params.ts";
import { endOfQuoted } from "./text.ts";
import { parseHostPort } from "./uri.ts";

/** One Via element. RFC 3261 §20.42. */
export interface Via {
  /** "UDP", "TCP", "TLS", "WS", "WSS", … in upper case. */
  readonly transport: string;
  /** sent-by host, lower-case; IPv6 references keep their brackets. */
  readonly host: string;
  /** sent-by port, undefined when it was left to the default. */
  readonly port?: number;
  /** branch, received, rport, maddr, ttl, … */
  readonly params: Params;
  /** SIP version when it is not "2.0": kept so that a 505 finds its way back (RFC 4475 §3.1.2.16). */
  readonly version?: string;
}

/** RFC 3261 §8.1.1.7: a branch that starts so is unique to its transaction. */
export const MAGIC_COOKIE = "z9hG4bK";

const SLASH = 0x2f;
const QUOTE = 0x22;
const COMMA = 0x2c;

/**
 * Parses one Via element (the first of a list when `text` holds more).
 *
 * @throws {SipParseError} SIP_BAD_HEADER or SIP_BAD_URI with field "Via".
 */
export function parseVia(text: string): Via {
  const { version, transportStart } = readProtocol(text);
  const transportEnd = spanOf(text, TOKEN_CHAR, transportStart);
  const sentByStart = skipBlanks(text, transportEnd);
  if (transportEnd === transportStart || sentByStart === transportEnd) throw notAVia(text);
  const transport = text.slice(transportStart, transportEnd).toUpperCase();
  const end = text.includes(",") ? endOfElement(text) : text.length;
  const semicolon = text.indexOf(";", sentByStart);
  const sentByEnd = semicolon < 0 || semicolon > end ? end : semicolon;
  const { host, port } = parseHostPort(withoutBlanks(text.slice(sentByStart, sentByEnd)), "Via");
  const params = parseParams(text.slice(sentByEnd, end), "Via");
  const via: { -readonly [K in keyof Via]: Via[K] } = { transport, host, params };
  if (port !== undefined) via.port = port;
  if (version !== "2.0") via.version = version;
  return via;
}

const USUAL = { version: "2.0", transportStart: "SIP/2.0/".length };

/** `SIP / version /`, with blanks wherever RFC 3261 §25.1 allows them. */
function readProtocol(text: string): { version: string; transportStart: number } {
  if (text.startsWith("SIP/2.0/") && !isBlank(text.charCodeAt(8))) return USUAL;
  const nameEnd = spanOf(text, TOKEN_CHAR, 0);
  const versionStart = behindSlash(text, nameEnd);
  const versionEnd = spanOf(text, TOKEN_CHAR, versionStart);
  if (text.slice(0, nameEnd).toUpperCase() !== "SIP" || versionEnd === versionStart) throw notAVia(text);
  return { version: text.slice(versionStart, versionEnd), transportStart: behindSlash(text, versionEnd) };
}

/** Index behind `/` and the blanks around it. */
function behindSlash(text: string, from: number): number {
  const slash = skipBlanks(text, from);
  if (text.charCodeAt(slash) !== SLASH) throw notAVia(text);
  return skipBlanks(text, slash + 1);
}

/** A comma outside a quoted extension parameter ends the element. */
function endOfElement(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === COMMA) return i;
    if (c === QUOTE) {
      const end = endOfQuoted(text, i);
      if (end < 0) return text.length;
      i = end - 1;
    }
  }
  return text.length;
}

/** RFC 3261 §25.1 allows blanks around the colon of sent-by. */
function withoutBlanks(sentBy: string): string {
  const text = trimBlanks(sentBy);
  return text.includes(" ") || text.includes("\t") ? text.split(":").map(trimBlanks).join(":") : text;
}

function notAVia(text: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", "Via", `"${text.slice(0, 40)}" is not a Via`);
}

export function serializeVia(via: Via): string {
  return `SIP/${via.version ?? "2.0"}/${via.transport} ${sentByOf(via)}${serializeParams(via.params)}`;
}

/** `host:port` of a Via, for matching transactions; the port as written. RFC 3261 §17.2.3. */
export function sentByOf(via: Via): string {
  return via.port === undefined ? via.host : `${via.host}:${via.port}`;
}
