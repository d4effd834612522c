import {
  type AkaSubscriber,
  type DigestHash,
  type DigestSecret,
  parseUri,
  serializeUri,
  type Uri,
  urisEqual,
} from "@sip-push/sip";
import { type Aor, aorUri } from "./domains.ts";

/** What is kept of a user with a USIM: K, OPc or OP, AMF, and the last SQN used. */
export interface UsimSecret {
  readonly usim: Omit<AkaSubscriber, "id">;
}

/** One user of the proxy. Text is Unicode. */
export interface User {
  /** Of the credentials, and the user part of the address-of-record. */
  readonly username: string;
  /** The only domain this user lives in; undefined: every domain served. */
  readonly realm?: string;
  readonly secret: DigestSecret | UsimSecret;
  /** Further URIs that are this user's: `sip:`, `sips:` or `tel:`. */
  readonly identities?: readonly string[];
}

/** Who may register and be asserted, by user name and domain. */
export class UserDirectory {
  readonly #users = new Map<string, User>();
  readonly #identities = new Set<string>();
  /** Digest algorithms that suit the secrets. */
  readonly algorithms: readonly DigestHash[];

  constructor(users: readonly User[]) {
    for (const user of users) {
      this.#users.set(userKey(user.username, user.realm), user);
      // A name such as that of an IMS private identity, `alice@example.test`, also answers to `alice` in that domain.
      const [name, domain] = splitName(user.username);
      if (domain !== undefined) this.#users.set(userKey(name, domain), user);
      for (const identity of user.identities ?? []) this.#identities.add(canonical(identity));
    }
    this.algorithms = algorithmsFor(users);
  }

  /** The user who authenticates with that name in that domain, or whose address-of-record is `sip:username@realm`. */
  find(username: string, realm: string): User | undefined {
    return this.#users.get(userKey(username, realm)) ?? this.#users.get(userKey(username, undefined));
  }

  /** What a user with a password, or its hash, proves to know. */
  passwordOf(username: string, realm: string): DigestSecret | undefined {
    const secret = this.find(username, realm)?.secret;
    return secret === undefined || "usim" in secret ? undefined : secret;
  }

  /** What the authentication centre keeps of a user with a USIM. */
  subscriberOf(username: string, realm: string): AkaSubscriber | undefined {
    const user = this.find(username, realm);
    if (user === undefined || !("usim" in user.secret)) return undefined;
    return { ...user.secret.usim, id: userKey(user.username, user.realm) };
  }

  /** All identities of a user, the address-of-record first. */
  identitiesOf(user: User, domain: string): string[] {
    return [aorUri(splitName(user.username)[0], domain), ...(user.identities ?? [])];
  }

  /** True when some user has this address-of-record. */
  knows(aor: Aor): boolean {
    return this.find(aor.user, aor.domain) !== undefined || this.#identities.has(canonical(aor.uri));
  }
}

/** True when `identities` has the URI `uri`, however it is spelled. */
export function hasIdentity(identities: readonly string[], uri: Uri): boolean {
  return identities.some((identity) => urisEqual(parseUri(identity), uri));
}

/** What tells users apart. */
export function userKey(username: string, realm: string | undefined): string {
  return realm === undefined ? username : `${username}\0${realm}`;
}

function splitName(username: string): [name: string, domain: string | undefined] {
  const at = username.lastIndexOf("@");
  return at < 0 ? [username, undefined] : [username.slice(0, at), username.slice(at + 1).toLowerCase()];
}

function canonical(uri: string): string {
  return serializeUri(parseUri(uri));
}

/**
 * MD5 alone when it serves everybody: many clients look at the first challenge only, and know nothing but MD5. SHA-256
 * alone when the users file has only that; both when it takes both to serve all.
 */
function algorithmsFor(users: readonly User[]): DigestHash[] {
  const serves = (hash: DigestHash): boolean =>
    users.every(({ secret }) => !("ha1" in secret) || secret.ha1[hash] !== undefined);
  const alone = (["MD5", "SHA-256"] as const).find(serves);
  return alone === undefined ? ["SHA-256", "MD5"] : [alone];
}
