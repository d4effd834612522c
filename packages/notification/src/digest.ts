import { md5 } from "@noble/hashes/legacy.js";
import { toBase64 } from "./base64.ts";
import { OctetReader } from "./bits.ts";
import { DIGEST_OCTETS } from "./types.ts";
import { concatOctets, toOctets } from "./utf8.ts";

/** What the digest is made with, besides the notification itself. */
export interface DigestCredentials {
  /** Server identifier; default: the one in the notification. */
  readonly serverId?: string | Uint8Array;
  readonly password: string | Uint8Array;
  /** The nonce as stored octets, that is NextNonce after base64 decoding; a string stands for its UTF-8. */
  readonly nonce: string | Uint8Array;
}

/**
 * How a digest with an empty password is made: the colon stays (the formula, and public test data), or falls away
 * (libsynthesis, SyncEvolution). Without effect on other passwords.
 */
export type EmptyPasswordStyle = "colon" | "no-colon";

const emptyPasswordStyles: readonly EmptyPasswordStyle[] = ["colon", "no-colon"];

/**
 * Forms of the DM 1.2 nonce "0x00000000", with which a server whose nonce was lost may sign. The specification does not say
 * whether octets or text are meant.
 */
export type ZeroNonceForm = "octets" | "text" | "digits";

const zeroNonces: Readonly<Record<ZeroNonceForm, Uint8Array>> = {
  octets: new Uint8Array(4),
  text: toOctets("0x00000000"),
  digits: toOctets("00000000"),
};

/** All forms of the DM zero nonce. */
export const zeroNonceForms: readonly ZeroNonceForm[] = Object.keys(zeroNonces) as ZeroNonceForm[];

/** What {@link verifyDigest} accepts. */
export interface VerifyOptions {
  /**
   * Zero nonces to accept besides the stored one. Default none: whoever accepts them accepts replays, so only DM receivers
   * do, and refresh their nonce in the session that follows (OMA DM 1.2, nonce resynchronization).
   */
  readonly zeroNonces?: readonly ZeroNonceForm[];
}

/** Which of the accepted ways of making the digest was used. */
export interface DigestMatch {
  readonly emptyPasswordStyle: EmptyPasswordStyle;
  /** `stored`: the nonce of the credentials. */
  readonly nonce: "stored" | ZeroNonceForm;
}

/** Result of {@link checkDigest}. */
export interface DigestCheck {
  readonly result: "valid" | "invalid";
  /** How the digest was made; `null` when it is invalid. */
  readonly match: DigestMatch | null;
  /** The digest is 16 zero octets: the sender had no credentials. */
  readonly zero: boolean;
}

/** Position of the server identifier's length octet, which follows digest and bit fields (`header.ts`). */
const LENGTH_OFFSET = 23;

/**
 * The digest of a DS or DM notification: `H(B64(H(server-id ":" password)) ":" nonce ":" B64(H(trigger)))` with H = MD5 and
 * B64 = base64 (OMA DS 1.2 and DM 1.2, "digest").
 *
 * @param trigger the notification's octets after the digest, vendor octets included.
 * @returns 16 octets.
 */
export function computeDigest(
  trigger: Uint8Array,
  credentials: DigestCredentials & { readonly serverId: string | Uint8Array },
  emptyPasswordStyle: EmptyPasswordStyle = "colon",
): Uint8Array {
  const { serverId, password, nonce } = credentials;
  return combine(secretOf(serverId, password, emptyPasswordStyle), nonce, base64Md5(trigger));
}

/** `B64(H(server-id ":" password))`. */
function secretOf(serverId: string | Uint8Array, password: string | Uint8Array, style: EmptyPasswordStyle): string {
  const colon = password.length === 0 && style === "no-colon" ? "" : ":";
  return base64Md5(concatOctets(serverId, colon, password));
}

function combine(secret: string, nonce: string | Uint8Array, triggerHash: string): Uint8Array {
  return md5(concatOctets(secret, ":", nonce, ":", triggerHash));
}

/** `B64(H(octets))`. */
export function base64Md5(octets: Uint8Array): string {
  return toBase64(md5(octets));
}

/** The octets of an encoded DS or DM notification with the digest of `credentials` in place of the one they hold. */
export function signDigest(
  octets: Uint8Array,
  credentials: DigestCredentials,
  emptyPasswordStyle: EmptyPasswordStyle = "colon",
): Uint8Array {
  const serverId = credentials.serverId ?? serverIdOctets(octets);
  const signed = new Uint8Array(octets);
  signed.set(computeDigest(octets.subarray(DIGEST_OCTETS), { ...credentials, serverId }, emptyPasswordStyle));
  return signed;
}

/**
 * Checks the digest of an encoded DS or DM notification, against every accepted way of making it, in constant time.
 *
 * @throws {NotificationError} `NOTIFICATION_TRUNCATED` when the octets end before or inside the server identifier.
 */
export function verifyDigest(
  octets: Uint8Array,
  credentials: DigestCredentials,
  options: VerifyOptions = {},
): DigestCheck["result"] {
  return checkDigest(octets, credentials, options).result;
}

/** As {@link verifyDigest}, and tells how the digest was made. */
export function checkDigest(
  octets: Uint8Array,
  credentials: DigestCredentials,
  options: VerifyOptions = {},
): DigestCheck {
  const inOctets = serverIdOctets(octets);
  const serverId = credentials.serverId ?? inOctets;
  const digest = octets.subarray(0, DIGEST_OCTETS);
  const triggerHash = base64Md5(octets.subarray(DIGEST_OCTETS));
  let match: DigestMatch | null = null;
  // No early exit: the time taken tells nothing about which candidate came close.
  for (const emptyPasswordStyle of credentials.password.length === 0 ? emptyPasswordStyles : ["colon" as const]) {
    const secret = secretOf(serverId, credentials.password, emptyPasswordStyle);
    for (const [nonceName, nonce] of candidateNonces(credentials.nonce, options.zeroNonces ?? [])) {
      const equal = equalInConstantTime(combine(secret, nonce, triggerHash), digest);
      if (equal && match === null) match = { emptyPasswordStyle, nonce: nonceName };
    }
  }
  return { result: match === null ? "invalid" : "valid", match, zero: isZeroDigest(digest) };
}

/** Whether a digest is all zero: the sender had no credentials (libsynthesis, SyncEvolution). */
export function isZeroDigest(digest: Uint8Array): boolean {
  return equalInConstantTime(digest, new Uint8Array(DIGEST_OCTETS));
}

function candidateNonces(
  stored: string | Uint8Array,
  zeroForms: readonly ZeroNonceForm[],
): [DigestMatch["nonce"], string | Uint8Array][] {
  return [["stored", stored], ...zeroForms.map((form): [ZeroNonceForm, Uint8Array] => [form, zeroNonces[form]])];
}

function serverIdOctets(octets: Uint8Array): Uint8Array {
  const reader = new OctetReader(octets);
  reader.view(DIGEST_OCTETS, "digest");
  reader.view(LENGTH_OFFSET - DIGEST_OCTETS, "version");
  return reader.view(reader.uint(1, "serverId"), "serverId");
}

function equalInConstantTime(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (const [index, octet] of left.entries()) difference |= octet ^ (right[index] as number);
  return difference === 0;
}
