import { toBase64 } from "./base64.ts";
import { base64Md5 } from "./digest.ts";
import { concatOctets } from "./utf8.ts";

/** Credentials of a SyncML session (OMA DM 1.2 Security 5; the same in OMA DS). Strings stand for their UTF-8. */
export interface SyncmlCredentials {
  readonly userName: string;
  readonly password: string | Uint8Array;
  /** The nonce as stored octets, that is NextNonce after base64 decoding. */
  readonly nonce: string | Uint8Array;
}

/** Cred/Data of `syncml:auth-basic`: `B64(user:password)`. */
export function basicCredential(credentials: Pick<SyncmlCredentials, "userName" | "password">): string {
  return toBase64(concatOctets(credentials.userName, ":", credentials.password));
}

/** Cred/Data of `syncml:auth-md5`: `B64(H(B64(H(user:password)):nonce))`. */
export function md5Credential(credentials: SyncmlCredentials): string {
  return base64Md5(concatOctets(secretOf(credentials), ":", credentials.nonce));
}

/** `mac` of `syncml:auth-MAC`: `B64(H(B64(H(user:password)):nonce:B64(H(body))))` over the octets of the whole message. */
export function hmacCredential(credentials: SyncmlCredentials, body: Uint8Array): string {
  return base64Md5(concatOctets(secretOf(credentials), ":", credentials.nonce, ":", base64Md5(body)));
}

/** Value of the transport header `x-syncml-hmac` for a message with this body. */
export function serializeHmacHeader(credentials: SyncmlCredentials, body: Uint8Array): string {
  const userName = credentials.userName.replaceAll(/["\\]/g, String.raw`\$&`);
  return `algorithm=MD5, username="${userName}", mac=${hmacCredential(credentials, body)}`;
}

function secretOf({ userName, password }: SyncmlCredentials): string {
  return base64Md5(concatOctets(userName, ":", password));
}
