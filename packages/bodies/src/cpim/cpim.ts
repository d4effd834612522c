import { BodyError } from "../errors.ts";
import { type BodyLimits, checkOctets, DEFAULT_MAX_HEADER_OCTETS, DEFAULT_MAX_HEADERS } from "../limits.ts";
import { decodePart, encodePart } from "../multipart/part.ts";
import { concatOctets, decodeUtf8, encodeUtf8 } from "../text.ts";
import { CONTROL, CPIM_NAMESPACE, IMDN_CPIM_NAMESPACE } from "./header.ts";
import type { CpimHeader, CpimMessage } from "./types.ts";

/** Content-Type of a CPIM message. */
export const CPIM_TYPE = "message/cpim";

const NAME = /^[!#-'*+\-0-9A-Z^_`a-z|~]+$/;
/** `[prefix.]name:[;lang=tag] value`. Peers leave the blank out. */
const LINE =
  /^([!#-'*+\-0-9A-Z^_`a-z|~]+\.)?([!#-'*+\-0-9A-Z^_`a-z|~]+)[ \t]*:((?:;[^\s;=]+=(?:"(?:[^"\\]|\\.)*"|[^\s;"]*))*)[ \t]*([\s\S]*)$/;
const LANG = /;lang=([0-9A-Za-z-]+)(?:;|$)/;
/** One way to match at each place, so that no run of blanks costs more than its length. */
const TRAILING_BLANKS = /(?<![ \t])[ \t]+$/;
const NS = /^([^\s<]*)[ \t]*<([^<>\s]+)>$/;

/**
 * Reads a message/cpim: message header fields, an empty line, a MIME entity. Tolerates bare line feeds, and the prefix `imdn`
 * without its NS. A field with any other undeclared prefix says nothing and is left out.
 *
 * Spec: RFC 3862 §2, §3.
 *
 * @throws {BodyError} `BODY_TRUNCATED` without the empty line or the MIME header fields; `_TOO_LARGE`, `_BAD_CHARSET`,
 * `_BAD_DOCUMENT`, `_BAD_MIME`.
 */
export function decodeCpim(octets: Uint8Array, limits: BodyLimits = {}): CpimMessage {
  checkOctets(octets, "cpim", limits);
  const reader = new HeaderReader(octets, limits);
  const contentStart = reader.read();
  if (contentStart >= octets.length) {
    throw new BodyError("BODY_TRUNCATED", "cpim.content", "is missing", { offset: octets.length });
  }
  const content = decodePart(octets, contentStart, octets.length, 0, "cpim.content", limits, true);
  return { headers: reader.headers, content };
}

class HeaderReader {
  readonly headers: CpimHeader[] = [];
  readonly #octets: Uint8Array;
  readonly #maxHeaders: number;
  readonly #maxOctets: number;
  readonly #namespaces = new Map([["imdn.", IMDN_CPIM_NAMESPACE]]);
  #defaultNamespace = CPIM_NAMESPACE;
  #count = 0;

  constructor(octets: Uint8Array, limits: BodyLimits) {
    this.#octets = octets;
    this.#maxHeaders = limits.maxHeaders ?? DEFAULT_MAX_HEADERS;
    this.#maxOctets = limits.maxHeaderOctets ?? DEFAULT_MAX_HEADER_OCTETS;
  }

  /** Reads up to the empty line; returns where the content starts. */
  read(): number {
    for (let at = 0; ; ) {
      const lineFeed = this.#octets.indexOf(0x0a, at);
      if (lineFeed < 0) throw new BodyError("BODY_TRUNCATED", "cpim", "no empty line", { offset: this.#octets.length });
      if (lineFeed > this.#maxOctets) {
        throw new BodyError("BODY_TOO_LARGE", "cpim", `header fields over ${this.#maxOctets} octets`, { offset: at });
      }
      const end = lineFeed > at && this.#octets[lineFeed - 1] === 0x0d ? lineFeed - 1 : lineFeed;
      if (end === at) return lineFeed + 1;
      if (++this.#count > this.#maxHeaders) {
        throw new BodyError("BODY_TOO_LARGE", "cpim", `more than ${this.#maxHeaders} header fields`, { offset: at });
      }
      this.#readLine(decodeUtf8(this.#octets.subarray(at, end), "cpim", at).replace(TRAILING_BLANKS, ""), at);
      at = lineFeed + 1;
    }
  }

  #readLine(line: string, offset: number): void {
    const match = LINE.exec(line);
    // §2.2: control characters are escaped, and there is no blank at the end.
    if (match === null || CONTROL.test(line)) throw badHeader(line, offset);
    const [, prefix, name, params, value] = match as unknown as [string, string | undefined, string, string, string];
    if (prefix === undefined && name === "NS") this.#declare(value, offset);
    else {
      const namespace = prefix === undefined ? this.#defaultNamespace : this.#namespaces.get(prefix);
      const lang = LANG.exec(params)?.[1];
      if (namespace !== undefined) this.headers.push({ name, namespace, value, ...(lang !== undefined && { lang }) });
    }
  }

  #declare(value: string, offset: number): void {
    const match = NS.exec(value);
    if (match === null) throw badHeader(`NS: ${value}`, offset);
    const [, prefix, uri] = match as unknown as [string, string, string];
    if (prefix === "") this.#defaultNamespace = uri;
    else this.#namespaces.set(`${prefix}.`, uri);
  }
}

/**
 * Writes a message/cpim. Namespaces are declared before their first use; that of RFC 5438 has the prefix `imdn`.
 *
 * @throws {BodyError} BODY_BAD_VALUE.
 */
export function encodeCpim({ headers, content }: CpimMessage): Uint8Array {
  const prefixes = new Map([[CPIM_NAMESPACE, ""]]);
  let text = "";
  for (const header of headers) {
    checkHeader(header);
    const { name, namespace, value, lang } = header;
    let prefix = prefixes.get(namespace);
    if (prefix === undefined) {
      prefix = namespace === IMDN_CPIM_NAMESPACE ? "imdn." : `ns${prefixes.size}.`;
      prefixes.set(namespace, prefix);
      text += `NS: ${prefix.slice(0, -1)} <${namespace}>\r\n`;
    }
    text += `${prefix}${name}:${lang === undefined ? "" : `;lang=${lang}`} ${value}\r\n`;
  }
  return concatOctets([encodeUtf8(`${text}\r\n`, "cpim"), encodePart(content, "cpim.content")]);
}

function checkHeader({ name, namespace, value, lang = "en" }: CpimHeader): void {
  const isSound = NAME.test(name) && /^[^<>\s]+$/.test(namespace) && !CONTROL.test(value);
  if (
    isSound &&
    /^[0-9A-Za-z-]+$/.test(lang) &&
    !/^[ \t]|[ \t]$/.test(value) &&
    (name !== "NS" || namespace !== CPIM_NAMESPACE)
  )
    return;
  throw new BodyError("BODY_BAD_VALUE", `cpim.${name.slice(0, 40)}`, "is no header field; escapeCpim makes values");
}

function badHeader(line: string, offset: number): BodyError {
  return new BodyError("BODY_BAD_DOCUMENT", "cpim", `${JSON.stringify(line.slice(0, 60))} is no header field`, {
    offset,
  });
}
