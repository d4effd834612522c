import { type AkaVersion, akaPassword, fromAkaNonce } from "./aka.ts";
import type { DigestChallenge } from "./challenge.ts";
import type { DerivedSecret, DigestAccount, DigestAlgorithm, DigestHash } from "./digest.ts";

/**
 * AKAv1 (RFC 3310 §3.1) and AKAv2 (RFC 4169 §2) with each hash: `AKAv1-MD5` and `AKAv2-SHA-256` are those of IMS (TS 24.229
 * §5.1.1.5). There are no `-sess` rows: RFC 3310 §3.1 advises against them.
 */
export const akaAlgorithms: readonly DigestAlgorithm[] = ([2, 1] as const).flatMap((version) =>
  (["SHA-512-256", "SHA-256", "MD5"] as const).map((hash) => akaAlgorithm(version, hash)),
);

function akaAlgorithm(version: AkaVersion, hash: DigestHash): DigestAlgorithm {
  return {
    name: `AKAv${version}-${hash}`,
    hash,
    session: false,
    aka: version,
    derive: (account, challenge) => derive(account, challenge, version, hash),
  };
}

/** Asks the USIM. Undefined for a nonce that is no AKA challenge, and for a network that does not know K. RFC 3310 §3.3. */
function derive(
  { usim }: DigestAccount,
  { nonce }: DigestChallenge,
  version: AkaVersion,
  hash: DigestHash,
): DerivedSecret | undefined {
  const challenge = fromAkaNonce(nonce);
  if (usim === undefined || challenge === undefined) return undefined;
  const answer = usim.authenticate(challenge.rand, challenge.autn);
  if (answer.kind === "response") return { password: akaPassword(version, hash, answer) };
  if (answer.kind === "wrong-mac") return undefined;
  return { password: "", auts: Buffer.from(answer.auts).toString("base64") };
}
