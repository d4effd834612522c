import { encodeText, type SipRequest } from "../message/index.ts";
import type { AuthSide, DigestChallenge } from "./challenge.ts";
import { type DigestCredentials, serializeCredentials } from "./credentials.ts";
import {
  type DerivedSecret,
  type DigestAccount,
  type DigestAlgorithm,
  digestHa1,
  digestResponse,
  digestUserhash,
  findAlgorithm,
  type Qop,
} from "./digest.ts";

/** A challenge that can be answered: what was chosen out of it. */
export interface Choice {
  readonly challenge: DigestChallenge;
  readonly algorithm: DigestAlgorithm;
  readonly account: DigestAccount;
  /** Undefined towards a server of RFC 2069. */
  readonly qop: Qop | undefined;
}

/**
 * How one challenge of a server may be answered, or undefined: unknown algorithm, one for which the account has no secret, no
 * known qop. RFC 7616 §3.3.
 */
export function choose(
  challenge: DigestChallenge,
  account: DigestAccount,
  table: readonly DigestAlgorithm[],
): Choice | undefined {
  const algorithm = findAlgorithm(challenge.algorithm, table);
  if (algorithm === undefined || (algorithm.aka !== undefined) !== (account.usim !== undefined)) return undefined;
  const qop = (["auth", "auth-int"] as const).find((known) => challenge.qop.includes(known));
  if (qop === undefined && challenge.qop.length > 0) return undefined;
  // RFC 3261 §22.4 (8): no cnonce without qop, hence no -sess either.
  if (qop === undefined && algorithm.session) return undefined;
  return { challenge, algorithm, account, qop };
}

/** One authentication session (RFC 7616 §3.6): a nonce, how often it was used, and the secret to answer with. */
export class ClientSession {
  readonly side: AuthSide;
  readonly choice: Choice;
  readonly #username: string;
  readonly #ha1: string;
  readonly #auts: string | undefined;
  readonly #newCnonce: () => string;
  /** `-sess` digests take in the cnonce of the session's first request, so it stays. RFC 7616 §3.4.2. */
  readonly #sessionCnonce: string | undefined;
  #count = 0;

  private constructor(side: AuthSide, choice: Choice, ha1: string, auts: string | undefined, newCnonce: () => string) {
    this.side = side;
    this.choice = choice;
    this.#username = encodeText(choice.account.username.normalize("NFC"));
    this.#ha1 = ha1;
    this.#auts = auts;
    this.#newCnonce = newCnonce;
    this.#sessionCnonce = choice.algorithm.session ? newCnonce() : undefined;
  }

  /** A session for `choice`; undefined when the algorithm's own derivation refuses the challenge. */
  static open(side: AuthSide, choice: Choice, newCnonce: () => string): ClientSession | undefined {
    const { account, algorithm, challenge } = choice;
    const secret = secretOf(account, algorithm, challenge);
    if (secret === undefined) return undefined;
    const username = encodeText(account.username.normalize("NFC"));
    const ha1 = digestHa1(algorithm.hash, username, challenge.realm, secret.password);
    return new ClientSession(side, choice, ha1, secret.auts, newCnonce);
  }

  /** It reports a synchronization failure, so it is good for one answer. RFC 3310 §3.4. */
  get resynchronizes(): boolean {
    return this.#auts !== undefined;
  }

  get realm(): string {
    return this.choice.challenge.realm;
  }

  get nonce(): string {
    return this.choice.challenge.nonce;
  }

  /** The nonce count has no room left in its eight hex digits. */
  get exhausted(): boolean {
    return this.#count >= 0xffff_ffff;
  }

  /**
   * The session of the nonce that the server named for later requests (RFC 7616 §3.5): with the same secret, but the one that
   * comes out of it where the algorithm has it so (RFC 3310 §3.2). Undefined when that refuses it, or is out of step.
   */
  renewed(nextNonce: string): ClientSession | undefined {
    const choice = { ...this.choice, challenge: { ...this.choice.challenge, nonce: nextNonce, stale: false } };
    if (choice.algorithm.derive !== undefined) {
      try {
        const session = ClientSession.open(this.side, choice, this.#newCnonce);
        return session?.resynchronizes === true ? undefined : session;
      } catch {
        // The store of a USIM. That must not cost the answer which brought the nonce; at the next challenge it is heard of.
        return undefined;
      }
    }
    return new ClientSession(this.side, choice, this.#ha1, undefined, this.#newCnonce);
  }

  /** The field value that answers for `request`, with the next nonce count. */
  sign(request: SipRequest): string {
    const { challenge, algorithm, qop } = this.choice;
    const { realm, nonce, opaque } = challenge;
    this.#count += 1;
    const nc = qop === undefined ? undefined : this.#count.toString(16).padStart(8, "0");
    const cnonce = qop === undefined ? undefined : (this.#sessionCnonce ?? this.#newCnonce());
    const response = digestResponse({
      algorithm,
      ha1: this.#ha1,
      nonce,
      method: request.method,
      uri: request.requestUri,
      qop,
      nc,
      cnonce,
      body: request.body,
    });
    return serializeCredentials({
      username: challenge.userhash ? digestUserhash(algorithm.hash, this.#username, realm) : this.#username,
      realm,
      nonce,
      uri: request.requestUri,
      response,
      // RFC 7616 §3.4: algorithm and opaque go back as they came.
      ...(challenge.algorithm !== undefined && { algorithm: challenge.algorithm }),
      ...(opaque !== undefined && { opaque }),
      ...(qop !== undefined && { qop }),
      ...(nc !== undefined && { nc }),
      ...(cnonce !== undefined && { cnonce }),
      ...(challenge.userhash && { userhash: true }),
      ...(this.#auts !== undefined && { auts: this.#auts }),
    });
  }

  /** The `rspauth` that a server which knows the secret gives for our `credentials`. RFC 7616 §3.5. */
  rspauth(credentials: DigestCredentials, body: Uint8Array): string {
    const { uri, nonce, nc, cnonce } = credentials;
    const { algorithm, qop } = this.choice;
    return digestResponse({ algorithm, ha1: this.#ha1, nonce, method: "", uri, qop, nc, cnonce, body });
  }
}

function secretOf(
  account: DigestAccount,
  algorithm: DigestAlgorithm,
  challenge: DigestChallenge,
): DerivedSecret | undefined {
  if (algorithm.derive !== undefined) return algorithm.derive(account, challenge);
  return account.password === undefined ? undefined : { password: account.password };
}
