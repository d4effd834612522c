import {
  AuthenticationCentre,
  akaAlgorithms,
  type Clock,
  DigestServer,
  digestAlgorithms,
  findAlgorithm,
  type ServerTransaction,
  type SipRequest,
  type Uri,
  urisEqual,
} from "@sip-push/sip";
import type { Domains } from "./domains.ts";
import type { UserDirectory } from "./users.ts";

export interface AuthenticatorOptions {
  readonly users: UserDirectory;
  /** Digest algorithms offered, best first, for passwords and for USIMs. Default: what suits the secrets, and AKAv1-MD5. */
  readonly algorithms?: readonly string[];
  readonly domains: Domains;
  readonly clock: Clock;
}

/** A user who proved to be that. */
export interface AuthenticatedUser {
  readonly username: string;
  /** Of the credentials. */
  readonly realm: string;
  /** URIs that are this user's, the address-of-record first. */
  readonly identities: readonly string[];
}

/** Challenges as registrar (401) and as proxy (407), and knows who answered. RFC 3261 §22, §10.3 (3), §16.3 (6). */
export class Authenticator {
  readonly #users: UserDirectory;
  readonly #sides: { readonly uas: DigestServer; readonly proxy: DigestServer };

  constructor({ users, algorithms, domains, clock }: AuthenticatorOptions) {
    this.#users = users;
    const options = {
      realm: (request: SipRequest) => realmOf(request, domains),
      users: (username: string, realm: string) => users.passwordOf(username, realm),
      algorithms: orDefault(
        algorithms?.filter((name) => findAlgorithm(name, digestAlgorithms)),
        users.algorithms,
      ),
      aka: {
        source: new AuthenticationCentre({ subscriber: (username, realm) => users.subscriberOf(username, realm) }),
        algorithms: orDefault(
          algorithms?.filter((name) => findAlgorithm(name, akaAlgorithms)),
          ["AKAv1-MD5"],
        ),
      },
      // Deviates from RFC 7616 §3.4.6, which wants the Request-URI: SIPp and others write the address that they send to.
      // Any URI that leads here is taken; the nonce count keeps credentials from being used twice.
      acceptsUri: (uri: Uri, request: SipRequest) => urisEqual(uri, request.uri) || domains.isResponsibleFor(uri),
      clock,
    };
    this.#sides = {
      uas: new DigestServer({ ...options, side: "uas" }),
      proxy: new DigestServer({ ...options, side: "proxy" }),
    };
  }

  /** The sender, or undefined when the transaction was answered 401, 407 or 400 instead. */
  async authenticate(transaction: ServerTransaction, side: "uas" | "proxy"): Promise<AuthenticatedUser | undefined> {
    const server = this.#sides[side];
    const verdict = await server.verify(transaction.request);
    if (verdict.ok) return this.#userOf(verdict);
    if (verdict.reason === "malformed") {
      transaction.reply(400, { reason: "Bad Request (credentials)" });
      return undefined;
    }
    const stale = verdict.reason === "stale" || verdict.reason === "replayed";
    const challenges = await server.challengeFor(transaction.request, { stale });
    transaction.reply(server.statusCode, {
      headers: challenges.map((challenge) => [server.challengeHeader, challenge] as const),
    });
    return undefined;
  }

  #userOf({ username, realm }: { username: string; realm: string }): AuthenticatedUser | undefined {
    const user = this.#users.find(username, realm);
    if (user === undefined) return undefined;
    return { username: user.username, realm, identities: this.#users.identitiesOf(user, realm) };
  }
}

/** The domain that the sender would be a user of: To of a REGISTER, else From. */
function realmOf(request: SipRequest, domains: Domains): string {
  const { uri } = request.method === "REGISTER" ? request.to : request.from;
  return (domains.isResponsibleFor(uri) ? domains.aorOf(uri)?.domain : undefined) ?? domains.primary;
}

function orDefault(names: readonly string[] | undefined, byDefault: readonly string[]): readonly string[] {
  return names === undefined || names.length === 0 ? byDefault : names;
}
