import { createHash } from "node:crypto";

export interface DigestProof {
  readonly username: string;
  readonly password: string;
  readonly algorithm: "MD5" | "SHA-256";
  readonly method: string;
  /** Request-URI. */
  readonly uri: string;
}

const hashes = { MD5: "md5", "SHA-256": "sha256" } as const;

/** What answers a challenge with qop=auth: the value of Authorization (RFC 7616 section 3.4), written apart from packages/sip. */
export function authorization(challenge: string, proof: DigestProof): string {
  const { username, password, algorithm, method, uri } = proof;
  const hash = (text: string): string => createHash(hashes[algorithm]).update(text).digest("hex");
  const parameter = (name: string): string => new RegExp(`${name}="?([^",]+)`).exec(challenge)?.[1] ?? "";
  const [realm, nonce] = [parameter("realm"), parameter("nonce")];
  const secret = hash(`${username}:${realm}:${password}`);
  const response = hash(`${secret}:${nonce}:00000001:c0ffee:auth:${hash(`${method}:${uri}`)}`);
  return `Digest username="${username}", realm="${realm}", nonce="${nonce}", uri="${uri}", algorithm=${algorithm}, qop=auth, nc=00000001, cnonce="c0ffee", response="${response}"`;
}
