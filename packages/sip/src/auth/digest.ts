import { hash, timingSafeEqual } from "node:crypto";
import { encodeText } from "../message/index.ts";
import type { AkaVersion } from "./aka.ts";
import type { DigestChallenge } from "./challenge.ts";
import type { Usim } from "./usim.ts";

/** Hash functions of the IANA registry "Hash Algorithms for HTTP Digest Authentication" that SIP uses (RFC 8760 §2.1). */
export type DigestHash = "MD5" | "SHA-256" | "SHA-512-256";

export type Qop = "auth" | "auth-int";

/** Whom to answer as. Text is Unicode. */
interface AccountName {
  /** Answer challenges of this realm only; without it, those of any realm that no other account names. */
  readonly realm?: string;
  readonly username: string;
}

/** A user with a password; a binary one (AKA's RES) is taken as it is. */
export interface PasswordAccount extends AccountName {
  readonly password: string | Uint8Array;
  readonly usim?: undefined;
}

/** A user with a USIM, who answers AKA challenges only (RFC 3310 §5.3: the strongest). The name is the private identity. */
export interface UsimAccount extends AccountName {
  readonly usim: Usim;
  readonly password?: undefined;
}

/** One user's way to answer challenges. */
export type DigestAccount = PasswordAccount | UsimAccount;

/** What a password derivation gives. */
export interface DerivedSecret {
  readonly password: string | Uint8Array;
  /** Base64 AUTS of an AKA synchronization failure; the password is then empty. RFC 3310 §3.4. */
  readonly auts?: string;
}

/** One value of the `algorithm` parameter. */
export interface DigestAlgorithm {
  /** As it stands in `algorithm=`; compared without regard to case. */
  readonly name: string;
  readonly hash: DigestHash;
  /** `-sess`: A1 takes in nonce and cnonce. RFC 7616 §3.4.2. */
  readonly session: boolean;
  /** The password comes out of a USIM: RFC 3310, RFC 4169. */
  readonly aka?: AkaVersion;
  /**
   * Turns account and challenge into the password, for algorithms whose password comes out of the nonce (RFC 3310,
   * RFC 4169). Called once per nonce. Undefined refuses the challenge. Without this hook the account's password counts.
   */
  readonly derive?: (account: DigestAccount, challenge: DigestChallenge) => DerivedSecret | undefined;
}

/** The algorithms of RFC 8760 §2.7. MD5 without a name is RFC 3261's default. */
export const digestAlgorithms: readonly DigestAlgorithm[] = [
  { name: "SHA-512-256", hash: "SHA-512-256", session: false },
  { name: "SHA-512-256-sess", hash: "SHA-512-256", session: true },
  { name: "SHA-256", hash: "SHA-256", session: false },
  { name: "SHA-256-sess", hash: "SHA-256", session: true },
  { name: "MD5", hash: "MD5", session: false },
  { name: "MD5-sess", hash: "MD5", session: true },
];

/** The row of `name` in `table`, or undefined; no name means MD5 (RFC 7616 §3.3). */
export function findAlgorithm(
  name: string | undefined,
  table: readonly DigestAlgorithm[] = digestAlgorithms,
): DigestAlgorithm | undefined {
  const wanted = (name ?? "MD5").toLowerCase();
  return table.find((row) => row.name.toLowerCase() === wanted);
}

/** What OpenSSL calls them; SHA-512-256 is SHA-512/256 of FIPS 180-4, not a cut SHA-512 (RFC 7616 erratum 4897). */
const NODE_NAMES: Readonly<Record<DigestHash, string>> = {
  MD5: "md5",
  "SHA-256": "sha256",
  "SHA-512-256": "sha512-256",
};

/** Lower-case hex of the hash over an octet string or octets. RFC 8760 §2.2. */
export function digestHash(name: DigestHash, data: string | Uint8Array): string {
  return hash(NODE_NAMES[name], typeof data === "string" ? Buffer.from(data, "latin1") : data, "hex");
}

/**
 * H(username ":" realm ":" password), the secret a server may store instead of the password. The `-sess` step is left to
 * {@link digestResponse}, so one value serves both variants. RFC 7616 §3.4.2.
 *
 * @param username octet string; so is `realm`. A text password is Unicode and goes in as UTF-8 in NFC (RFC 7616 §4).
 */
export function digestHa1(name: DigestHash, username: string, realm: string, password: string | Uint8Array): string {
  const head = `${username}:${realm}:`;
  if (typeof password === "string") return digestHash(name, head + encodeText(password.normalize("NFC")));
  return digestHash(name, Buffer.concat([Buffer.from(head, "latin1"), password]));
}

/** H(username ":" realm), sent in place of the name when the server asks for `userhash`. RFC 7616 §3.4.4. */
export function digestUserhash(name: DigestHash, username: string, realm: string): string {
  return digestHash(name, `${username}:${realm}`);
}

/** Everything a response depends on. Text is octet strings, without quotes and escapes. */
export interface DigestInput {
  readonly algorithm: DigestAlgorithm;
  /** {@link digestHa1}, 32 or 64 hex digits. */
  readonly ha1: string;
  readonly nonce: string;
  /** "" for the `rspauth` of a server (RFC 7616 §3.5). */
  readonly method: string;
  readonly uri: string;
  /** Undefined gives the response of RFC 2069. */
  readonly qop?: Qop | undefined;
  /** Eight hex digits; needed with `qop`. */
  readonly nc?: string | undefined;
  /** Needed with `qop` and with `-sess`. */
  readonly cnonce?: string | undefined;
  /** Entity body, for `auth-int`. */
  readonly body?: Uint8Array | undefined;
}

/** The `response` parameter: 32 or 64 lower-case hex digits. RFC 7616 §3.4.1; without qop RFC 2617 §3.2.2.1. */
export function digestResponse(input: DigestInput): string {
  const { algorithm, nonce, qop, nc = "", cnonce = "" } = input;
  const h = (text: string): string => digestHash(algorithm.hash, text);
  const ha1 = algorithm.session ? h(`${input.ha1}:${nonce}:${cnonce}`) : input.ha1;
  const a2 = `${input.method}:${input.uri}`;
  // RFC 8760 §2.6 (7): no body counts as the empty body.
  const ha2 = h(qop === "auth-int" ? `${a2}:${digestHash(algorithm.hash, input.body ?? new Uint8Array(0))}` : a2);
  return h(qop === undefined ? `${ha1}:${nonce}:${ha2}` : `${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`);
}

/** Compares two hex strings in a time that tells nothing but their lengths. */
export function sameDigest(a: string, b: string): boolean {
  const left = Buffer.from(a, "latin1");
  const right = Buffer.from(b, "latin1");
  return left.length === right.length && timingSafeEqual(left, right);
}
