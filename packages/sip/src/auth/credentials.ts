import { quote, SipParseError } from "../message/index.ts";
import { bad, isDigest, parseAuthElements, requiredParam } from "./auth-params.ts";

/** Digest credentials as sent. Text is octet strings without quotes and escapes. RFC 7616 §3.4. */
export interface DigestCredentials {
  /** The name, or its hash with `userhash`. */
  readonly username: string;
  readonly realm: string;
  /** Empty, like `response`, in a request that was not challenged yet (RFC 8760 §2.7). */
  readonly nonce: string;
  readonly uri: string;
  /** Lower-case hex. */
  readonly response: string;
  /** As written; undefined means MD5. */
  readonly algorithm?: string;
  readonly opaque?: string;
  /** Lower-case; undefined from a client of RFC 2069. */
  readonly qop?: string;
  /** As written, one to eight hex digits. */
  readonly nc?: string;
  readonly cnonce?: string;
  readonly userhash?: boolean;
  /** Base64 AUTS. RFC 3310 §3.4. */
  readonly auts?: string;
}

/**
 * The Digest credentials in one Authorization or Proxy-Authorization field, in order; other schemes are left out.
 *
 * @throws {SipParseError} SIP_BAD_HEADER naming `field`.
 */
export function parseCredentials(value: string, field: string): DigestCredentials[] {
  return parseAuthElements(value, field)
    .filter(({ scheme }) => isDigest(scheme))
    .map(({ params }) => toCredentials(params, field));
}

function toCredentials(params: ReadonlyMap<string, string>, field: string): DigestCredentials {
  const optional = (name: "opaque" | "algorithm" | "cnonce" | "auts"): Record<string, string> => {
    const value = params.get(name);
    return value === undefined ? {} : { [name]: value };
  };
  const response = requiredParam(params, "response", field).toLowerCase();
  if (!/^[0-9a-f]*$/.test(response)) throw bad(field, "response is not hex");
  const qop = params.get("qop")?.toLowerCase();
  const nc = params.get("nc");
  // RFC 7616 §3.4 wants exactly eight digits; a shorter count is unmistakable, and hashed as written.
  if (nc !== undefined && !/^[0-9A-Fa-f]{1,8}$/.test(nc))
    throw bad(field, "nc is not a count of up to eight hex digits");
  if (qop !== undefined && (nc === undefined || !params.has("cnonce"))) throw bad(field, "qop without nc and cnonce");
  const userhash = params.get("userhash")?.toLowerCase() === "true";
  return {
    username: usernameOf(params, field),
    realm: requiredParam(params, "realm", field),
    nonce: requiredParam(params, "nonce", field),
    uri: requiredParam(params, "uri", field),
    response,
    ...optional("algorithm"),
    ...optional("opaque"),
    ...(qop !== undefined && { qop }),
    ...(nc !== undefined && { nc }),
    ...optional("cnonce"),
    ...(userhash && { userhash }),
    ...optional("auts"),
  };
}

/** `username`, or `username*` in the extended notation of RFC 5987 (UTF-8 only); both is an error. RFC 7616 §3.4. */
function usernameOf(params: ReadonlyMap<string, string>, field: string): string {
  const extended = params.get("username*");
  if (extended === undefined) return requiredParam(params, "username", field);
  const escaped = /^utf-8'[A-Za-z0-9-]*'((?:[A-Za-z0-9!#$&+\-.^_`|~]|%[0-9A-Fa-f]{2})*)$/i.exec(extended)?.[1];
  if (escaped === undefined || params.has("username")) throw bad(field, "malformed or second user name");
  return escaped.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The field value. Which parameters are quoted: RFC 7616 §3.4, and `uri` by RFC 8760 §2.6 (2). */
export function serializeCredentials(credentials: DigestCredentials): string {
  const { username, realm, nonce, uri, response, algorithm, opaque, qop, nc, cnonce, userhash, auts } = credentials;
  let text = `Digest username=${quote(username)}, realm=${quote(realm)}, nonce=${quote(nonce)}, uri=${quote(uri)}`;
  text += `, response="${response}"`;
  if (algorithm !== undefined) text += `, algorithm=${algorithm}`;
  if (opaque !== undefined) text += `, opaque=${quote(opaque)}`;
  if (qop !== undefined) text += `, qop=${qop}`;
  if (nc !== undefined) text += `, nc=${nc}`;
  if (cnonce !== undefined) text += `, cnonce=${quote(cnonce)}`;
  if (userhash === true) text += ", userhash=true";
  if (auts !== undefined) text += `, auts=${quote(auts)}`;
  return text;
}

/** `parse(value, field)` of every value, where a malformed one counts as none: what a peer got wrong is not understood. */
export function parseAllSound<T>(
  values: readonly string[],
  field: string,
  parse: (value: string, field: string) => T[],
): T[] {
  return values.flatMap((value) => {
    try {
      return parse(value, field);
    } catch (error) {
      if (error instanceof SipParseError) return [];
      throw error;
    }
  });
}
