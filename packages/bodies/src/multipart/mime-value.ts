import { BodyError } from "../errors.ts";

/** `value *(;name=value)`: Content-Type, Content-Disposition. Names and value in lower case, values of parameters unquoted. */
export interface MimeValue {
  readonly value: string;
  readonly params: ReadonlyMap<string, string>;
}

const VALUE = /^[ \t]*([!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+(?:[ \t]*\/[ \t]*[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+)?)[ \t]*/;
/** A quoted value, or anything up to the next semicolon: peers write `cid:a@b` and the like without quotes. */
const PARAM =
  /;[ \t]*(?:([!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+)[ \t]*(?:=[ \t]*(?:"((?:[^"\\]|\\[\s\S])*)"|([^";]*)))?[ \t]*)?/y;
const TOKEN = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;

/**
 * Reads a structured MIME header field. RFC 2045 §5.1, RFC 2183 §2. Tolerates a semicolon at the end and a value that should be
 * quoted.
 *
 * @param offset of the field in the body, for the error.
 * @throws {BodyError} BODY_BAD_MIME; a parameter that stands twice is one.
 */
export function parseMimeValue(text: string, field: string, offset?: number): MimeValue {
  const head = VALUE.exec(text);
  if (head === null) throw bad(field, `${JSON.stringify(text.slice(0, 60))} has no type`, offset);
  const params = new Map<string, string>();
  let at = head[0].length;
  while (at < text.length) {
    PARAM.lastIndex = at;
    const match = PARAM.exec(text);
    if (match === null) throw bad(field, `${JSON.stringify(text.slice(at, at + 40))} is no parameter`, offset);
    at = PARAM.lastIndex;
    const name = match[1]?.toLowerCase();
    if (name === undefined) continue;
    if (params.has(name)) throw bad(field, `parameter ${JSON.stringify(name.slice(0, 40))} stands twice`, offset);
    params.set(name, match[2]?.replace(/\\([\s\S])/g, "$1") ?? match[3]?.trim() ?? "");
  }
  return { value: (head[1] as string).replace(/[ \t]/g, "").toLowerCase(), params };
}

/** Types of parts that were good; a sender has few. */
const known = new Set<string>();
const MAX_KNOWN = 256;
const MAX_KNOWN_LENGTH = 128;

/**
 * Whether it can be read.
 *
 * @throws {BodyError} as {@link parseMimeValue} does.
 */
export function checkMimeValue(text: string, field: string, offset?: number): void {
  if (known.has(text)) return;
  parseMimeValue(text, field, offset);
  if (text.length > MAX_KNOWN_LENGTH) return;
  if (known.size === MAX_KNOWN) known.clear();
  known.add(text);
}

/**
 * Writes such a field; values that are no tokens are quoted.
 *
 * @throws {BodyError} BODY_BAD_VALUE for a name that is no token, or a line break.
 */
export function serializeMimeValue(value: string, params: ReadonlyMap<string, string>, field: string): string {
  let text = value;
  for (const [name, param] of params) {
    if (!TOKEN.test(name)) throw new BodyError("BODY_BAD_VALUE", field, `${JSON.stringify(name)} is no parameter name`);
    text += `;${name}=${TOKEN.test(param) ? param : `"${param.replace(/["\\]/g, "\\$&")}"`}`;
  }
  if (/[\0\r\n]/.test(text)) throw new BodyError("BODY_BAD_VALUE", field, "holds a line break or NUL");
  return text;
}

function bad(field: string, problem: string, offset?: number): BodyError {
  return new BodyError("BODY_BAD_MIME", field, problem, { offset });
}
