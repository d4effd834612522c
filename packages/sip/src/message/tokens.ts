import { randomFillSync } from "node:crypto";
import { MAGIC_COOKIE } from "./via.ts";

const POOL_BYTES = 8192;
const pool = Buffer.alloc(POOL_BYTES);
let used = POOL_BYTES;

/** `bytes` random octets as lower-case hexadecimal: a token that is safe in any header and in any case. */
export function randomToken(bytes: number): string {
  if (used + bytes > POOL_BYTES) {
    randomFillSync(pool);
    used = 0;
  }
  const token = pool.toString("hex", used, used + bytes);
  used += bytes;
  return token;
}

/** A branch: the magic cookie and 128 random bits. RFC 3261 §8.1.1.7. */
export function newBranch(): string {
  return MAGIC_COOKIE + randomToken(16);
}

/** A From or To tag: 64 random bits. RFC 3261 §19.3 asks for 32 at least. */
export function newTag(): string {
  return randomToken(8);
}

/** A Call-ID: 128 random bits, without a host name that would tell where it was made. RFC 3261 §8.1.1.4. */
export function newCallId(): string {
  return randomToken(16);
}
