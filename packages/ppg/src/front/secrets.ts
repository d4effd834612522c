import { hash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import type { Verifier } from "../config/types.ts";

/** What `hashPassword` writes: 32 MiB and some 80 ms for each password that is tried. */
const COST = { ln: 15, r: 8, p: 1 };
const SALT_OCTETS = 16;
const KEY_OCTETS = 32;
/** Of a hash that somebody configured: more memory than this for one request is refused. */
const MAX_MEMORY_OCTETS = 268_435_456;

const FORM =
  /^scrypt\$ln=([0-9]{1,2}),r=([0-9]{1,3}),p=([0-9]{1,3})\$([A-Za-z0-9+/]{16,128}={0,2})\$([A-Za-z0-9+/]{22,128}={0,2})$/;

interface PasswordHash {
  readonly salt: Buffer;
  readonly key: Buffer;
  readonly options: ScryptOptions;
}

/** Hashes a password with a salt of its own: `scrypt$ln=15,r=8,p=1$<salt>$<key>` in Base64. RFC 7914. */
export async function hashPassword(password: string): Promise<string> {
  const { ln, r, p } = COST;
  const salt = randomBytes(SALT_OCTETS);
  const key = await derive(password, salt, KEY_OCTETS, scryptOptions(ln, r, p));
  return `scrypt$ln=${ln},r=${r},p=${p}$${salt.toString("base64")}$${key.toString("base64")}`;
}

/** Whether {@link verifyPassword} can work with it. */
export function isPasswordHash(text: string): boolean {
  return parsePasswordHash(text) !== undefined;
}

/** SHA-256 in hexadecimal: for bearer tokens, which are long and random as passwords are not. */
export function sha256Hex(secret: string): string {
  return hash("sha256", secret, "hex");
}

/**
 * Checks a password in the time that scrypt takes, whoever the user is and however the password is kept: nobody learns from the
 * clock which users there are. False for a hash that is none.
 *
 * @param verifier what is kept, or as text what `hashPassword` wrote; null: there is no such user, or none with a password.
 */
export async function verifyPassword(password: string, verifier: Verifier | string | null): Promise<boolean> {
  const text =
    typeof verifier === "string" ? verifier : verifier !== null && "scrypt" in verifier ? verifier.scrypt : "";
  const parsed = parsePasswordHash(text);
  if (parsed !== undefined) {
    return timingSafeEqual(await derive(password, parsed.salt, parsed.key.length, parsed.options), parsed.key);
  }
  const { ln, r, p } = COST;
  await derive(password, nobodysSalt, KEY_OCTETS, scryptOptions(ln, r, p));
  return (
    verifier !== null && typeof verifier === "object" && "sha256" in verifier && isSha256Of(verifier.sha256, password)
  );
}

const nobodysSalt = randomBytes(SALT_OCTETS);

/** In constant time. @param hex 64 digits of either case. */
export function isSha256Of(hex: string, secret: string): boolean {
  const expected = Buffer.from(hex, "hex");
  const actual = hash("sha256", secret, "buffer");
  return expected.length === actual.length && timingSafeEqual(actual, expected);
}

function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [ln = 0, r = 0, p = 0] = match.slice(1, 4).map(Number);
  const options = scryptOptions(ln, r, p);
  if (ln < 1 || r < 1 || p < 1 || (options.maxmem ?? 0) > MAX_MEMORY_OCTETS) return undefined;
  const [salt, key] = match.slice(4).map((part) => Buffer.from(part, "base64"));
  return salt === undefined || key === undefined ? undefined : { salt, key, options };
}

function scryptOptions(ln: number, r: number, p: number): ScryptOptions {
  const cost = 2 ** ln;
  // RFC 7914 §2 needs 128 * N * r octets, and 128 * r * p for the blocks.
  return { cost, blockSize: r, parallelization: p, maxmem: 128 * r * (cost + p + 4) };
}

function derive(password: string, salt: Buffer, length: number, options: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // One spelling of each character (RFC 7613 §4.2.2).
    scrypt(password.normalize("NFC"), salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}
