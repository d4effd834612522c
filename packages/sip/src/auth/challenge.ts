import { quote } from "../message/index.ts";
import { isDigest, parseAuthElements, requiredParam } from "./auth-params.ts";

/** Who asks: a UAS or registrar with 401, a proxy with 407. RFC 3261 §22.1. */
export type AuthSide = "uas" | "proxy";

/** What differs between the two, as one table. RFC 3261 §20.6, §20.7, §20.27, §20.28, §20.44; RFC 7615 §4. */
export const authSides: Readonly<
  Record<
    AuthSide,
    { readonly statusCode: 401 | 407; readonly challenge: string; readonly credentials: string; readonly info: string }
  >
> = {
  uas: {
    statusCode: 401,
    challenge: "WWW-Authenticate",
    credentials: "Authorization",
    info: "Authentication-Info",
  },
  proxy: {
    statusCode: 407,
    challenge: "Proxy-Authenticate",
    credentials: "Proxy-Authorization",
    info: "Proxy-Authentication-Info",
  },
};

/** A Digest challenge. Text is octet strings without quotes and escapes. RFC 7616 §3.3. */
export interface DigestChallenge {
  readonly realm: string;
  readonly nonce: string;
  readonly opaque?: string;
  /** As written; undefined means MD5. */
  readonly algorithm?: string;
  /** Lower-case, in the order given; empty for a server of RFC 2069. */
  readonly qop: readonly string[];
  /** The nonce was too old, the digest right: try again with this nonce. */
  readonly stale: boolean;
  /** The server takes hashed user names. */
  readonly userhash: boolean;
}

/**
 * The Digest challenges in one WWW-Authenticate or Proxy-Authenticate field, in order; other schemes are left out.
 *
 * @throws {SipParseError} SIP_BAD_HEADER naming `field`.
 */
export function parseChallenges(value: string, field: string): DigestChallenge[] {
  return parseAuthElements(value, field)
    .filter(({ scheme }) => isDigest(scheme))
    .map(({ params }) => toChallenge(params, field));
}

function toChallenge(params: ReadonlyMap<string, string>, field: string): DigestChallenge {
  const opaque = params.get("opaque");
  const algorithm = params.get("algorithm");
  return {
    realm: requiredParam(params, "realm", field),
    nonce: requiredParam(params, "nonce", field),
    ...(opaque !== undefined && { opaque }),
    ...(algorithm !== undefined && { algorithm }),
    qop: (params.get("qop") ?? "")
      .toLowerCase()
      .split(/[ \t,]+/)
      .filter((value) => value !== ""),
    // RFC 7616 §3.3: anything other than true is false.
    stale: params.get("stale")?.toLowerCase() === "true",
    userhash: params.get("userhash")?.toLowerCase() === "true",
  };
}

/** The field value. Which parameters are quoted: RFC 7616 §3.3. */
export function serializeChallenge(challenge: DigestChallenge): string {
  const { realm, nonce, opaque, algorithm, qop, stale, userhash } = challenge;
  let text = `Digest realm=${quote(realm)}, nonce=${quote(nonce)}`;
  if (opaque !== undefined) text += `, opaque=${quote(opaque)}`;
  if (algorithm !== undefined) text += `, algorithm=${algorithm}`;
  if (qop.length > 0) text += `, qop=${quote(qop.join(","))}`;
  if (stale) text += ", stale=true";
  if (userhash) text += ", userhash=true";
  return text;
}
