import { createHmac } from "node:crypto";
import type { DigestHash } from "./digest.ts";
import { Milenage, opcOf } from "./milenage.ts";

/** What a home network makes for one challenge. TS 33.102 §6.3.2. */
export interface AuthenticationVector extends SessionKeys {
  /** 16 octets. */
  readonly rand: Uint8Array;
  /** 16 octets: SQN xor AK, AMF, MAC. */
  readonly autn: Uint8Array;
  /** 8 octets with MILENAGE. */
  readonly xres: Uint8Array;
}

/** Cipher key and integrity key of an AKA run, 16 octets each. */
export interface SessionKeys {
  readonly ck: Uint8Array;
  readonly ik: Uint8Array;
}

/** `AKAv1` (RFC 3310) or `AKAv2` (RFC 4169). */
export type AkaVersion = 1 | 2;

export type AkaErrorCode = "AKA_BAD_CREDENTIALS" | "AKA_BAD_STATE";

/** A key or a stored sequence number that is none; the value is never in the message. Not retryable. */
export class AkaError extends Error {
  override readonly name = "AkaError";
  readonly code: AkaErrorCode;
  /** Name of the setting, such as `k`. */
  readonly field: string;
  readonly retryable = false;

  constructor(code: AkaErrorCode, field: string, problem: string, options?: ErrorOptions) {
    super(`${field}: ${problem}`, options);
    this.code = code;
    this.field = field;
  }
}

/** Long-term secrets of a subscriber, hex digits or octets. */
export interface AkaKeys {
  /** K, 32 hex digits. */
  readonly k: string | Uint8Array;
  /** OPc, 32 hex digits; or give `op`. */
  readonly opc?: string | Uint8Array;
  /** The operator's OP, 32 hex digits, from which OPc is made. */
  readonly op?: string | Uint8Array;
}

/** Octets of AUTN and AUTS. TS 33.102 §6.3.2, §6.3.3. */
export const SQN_OCTETS = 6;
export const AMF_OCTETS = 2;
const RAND_OCTETS = 16;
const AUTN_OCTETS = 16;
const AUTS_OCTETS = 14;
/** AMF in MAC-S, so that nothing of it travels. TS 33.102 §6.3.3. */
export const RESYNC_AMF: Uint8Array = new Uint8Array(AMF_OCTETS);

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;

/** `nonce` of a challenge: base64 of RAND, AUTN and whatever the server adds. RFC 3310 §3.2. */
export function toAkaNonce(rand: Uint8Array, autn: Uint8Array, serverData: Uint8Array = new Uint8Array(0)): string {
  return Buffer.concat([rand, autn, serverData]).toString("base64");
}

/** RAND and AUTN out of a nonce, or undefined when it is no base64 of 32 octets at least. */
export function fromAkaNonce(nonce: string): { readonly rand: Uint8Array; readonly autn: Uint8Array } | undefined {
  const octets = decodeBase64(nonce);
  if (octets === undefined || octets.length < RAND_OCTETS + AUTN_OCTETS) return undefined;
  return { rand: octets.subarray(0, RAND_OCTETS), autn: octets.subarray(RAND_OCTETS, RAND_OCTETS + AUTN_OCTETS) };
}

/** AUTS out of the parameter of that name, or undefined when it is no base64 of 14 octets. RFC 3310 §3.4. */
export function fromAuts(text: string): Uint8Array | undefined {
  const octets = decodeBase64(text);
  return octets?.length === AUTS_OCTETS ? octets : undefined;
}

/**
 * The digest password: RES as it is (RFC 3310 §3.3), or, as a text, base64 of HMAC(RES || IK || CK,
 * "http-digest-akav2-password") with the hash of the digest (RFC 4169 §2.1).
 */
export function akaPassword(
  version: AkaVersion,
  hash: DigestHash,
  { res, ik, ck }: SessionKeys & { readonly res: Uint8Array },
): string | Uint8Array {
  if (version === 1) return res;
  return prf(hash, Buffer.concat([res, ik, ck]), "http-digest-akav2-password").toString("base64");
}

/** The keys that other protection may use: as they are with AKAv1, masked with AKAv2. RFC 4169 §2.2. */
export function akaSessionKeys(version: AkaVersion, hash: DigestHash, { ck, ik }: SessionKeys): SessionKeys {
  if (version === 1) return { ck, ik };
  return { ck: prf(hash, ck, "http-digest-akav2-cipherkey"), ik: prf(hash, ik, "http-digest-akav2-integritykey") };
}

/**
 * A key in hex or octets.
 *
 * @throws {AkaError} AKA_BAD_CREDENTIALS naming `field`.
 */
export function keyOctets(value: string | Uint8Array, octets: number, field: string): Uint8Array {
  const key = typeof value === "string" ? fromHex(value) : value;
  if (key?.length === octets) return key;
  throw new AkaError("AKA_BAD_CREDENTIALS", field, `must be ${octets * 2} hex digits`);
}

/** The functions of a subscriber. @throws {AkaError} AKA_BAD_CREDENTIALS naming `k`, `opc` or `op`. */
export function milenageOf({ k, opc, op }: AkaKeys): Milenage {
  const key = keyOctets(k, 16, "k");
  if ((opc === undefined) === (op === undefined)) {
    throw new AkaError("AKA_BAD_CREDENTIALS", "opc", "give either opc or op");
  }
  return new Milenage(key, opc === undefined ? opcOf(key, keyOctets(op ?? "", 16, "op")) : keyOctets(opc, 16, "opc"));
}

const HMAC_NAMES: Readonly<Record<DigestHash, string>> = {
  MD5: "md5",
  "SHA-256": "sha256",
  "SHA-512-256": "sha512-256",
};

function prf(hash: DigestHash, key: Uint8Array, text: string): Buffer {
  return createHmac(HMAC_NAMES[hash], key).update(text).digest();
}

function fromHex(text: string): Uint8Array | undefined {
  return /^(?:[0-9a-f]{2})*$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}

/** Node's decoder skips what it does not know; here that is no base64. Missing padding is taken. */
function decodeBase64(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, "base64") : undefined;
}
