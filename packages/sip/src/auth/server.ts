import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../clock.ts";
import {
  canonicalHost,
  decodeText,
  encodeText,
  parseUri,
  SipParseError,
  type SipRequest,
  type Uri,
  urisEqual,
} from "../message/index.ts";
import { akaPassword, akaSessionKeys, fromAuts, type SessionKeys } from "./aka.ts";
import { akaAlgorithms } from "./aka-algorithms.ts";
import { AkaNonces } from "./aka-nonces.ts";
import type { AkaVectorSource } from "./authentication-centre.ts";
import { type AuthSide, authSides, serializeChallenge } from "./challenge.ts";
import { type DigestCredentials, parseCredentials } from "./credentials.ts";
import {
  type DigestAlgorithm,
  type DigestHash,
  digestAlgorithms,
  digestHa1,
  digestResponse,
  findAlgorithm,
  type Qop,
  sameDigest,
} from "./digest.ts";
import { Nonces } from "./nonces.ts";

/** What a server knows of a user: the password, or H(username:realm:password) in hex for each hash it offers. */
export type DigestSecret =
  | { readonly password: string | Uint8Array }
  | { readonly ha1: Readonly<Partial<Record<DigestHash, string>>> };

/** Port to the user base. Names are Unicode; undefined for nobody. A rejection comes out of `verify`. */
export type UserLookup = (
  username: string,
  realm: string,
) => DigestSecret | undefined | Promise<DigestSecret | undefined>;

/** How subscribers with a USIM are challenged. RFC 3310, RFC 4169. */
export interface AkaServerOptions {
  readonly source: AkaVectorSource;
  /** Names of {@link akaAlgorithms}, best first; they share one vector. Default AKAv1-MD5 (TS 24.229 §5.4.1.2). */
  readonly algorithms?: readonly string[];
  /**
   * Who the sender is where no credentials say it (RFC 3310 §5.2), Unicode. Default: the user part of To in a REGISTER, of
   * From elsewhere.
   */
  readonly identify?: (request: SipRequest) => string | undefined;
}

export interface DigestServerOptions {
  /** The protection domain; a function where one server has several. */
  readonly realm: string | ((request: SipRequest) => string);
  readonly users: UserLookup;
  /** "uas" (401, default) for a UAS or registrar, "proxy" (407) for a proxy. */
  readonly side?: AuthSide;
  /**
   * Names of {@link digestAlgorithms}, best first (RFC 8760 §2.3). Default SHA-256, MD5. Clients from before RFC 8760 often
   * look at the first challenge only: for those offer MD5 alone.
   */
  readonly algorithms?: readonly string[];
  /** Default ["auth"]. */
  readonly qop?: readonly Qop[];
  /** Default 300. */
  readonly nonceLifetimeSeconds?: number;
  /** Default: 256 random bits, so that nonces from before a restart are stale. */
  readonly nonceSecret?: Uint8Array;
  /** Nonces in use at a time. Default 100000. */
  readonly maxNonces?: number;
  /**
   * Whether credentials computed for `uri` are good for `request` (RFC 8760 §2.6 (6)). Default: `uri` equals the
   * Request-URI, or the URI in To, which is what the Request-URI was before proxies retargeted it; or it names nobody and
   * has the host of one of them, as SIPp writes it.
   */
  readonly acceptsUri?: (uri: Uri, request: SipRequest) => boolean;
  /** Subscribers with a USIM; they are asked by {@link DigestServer.challengeFor}. Default: none. */
  readonly aka?: AkaServerOptions;
  readonly clock?: Clock;
}

/**
 * - `missing`: nothing for this realm in an offered algorithm. Challenge.
 * - `stale`: all right but for an old nonce. Challenge with `stale`.
 * - `replayed`: all right, but that nonce count was used. Challenge with `stale`; an honest client goes on with the new nonce.
 * - `unknown-user`, `wrong-password`: the same 401/407 or 403 for both, so that nobody learns which names exist.
 * - `resynchronized`: the USIM was out of step, and its AUTS was taken: challenge anew (RFC 3310 §3.4).
 * - `malformed`: 400, also when the credentials are for another URI (RFC 7616 §3.4.6).
 */
export type DigestRefusal =
  | "missing"
  | "stale"
  | "replayed"
  | "unknown-user"
  | "wrong-password"
  | "resynchronized"
  | "malformed";

export type DigestVerdict =
  | {
      readonly ok: true;
      /** With a USIM the name that was challenged. */
      readonly username: string;
      readonly realm: string;
      readonly algorithm: string;
      /** What an AKA run agreed on besides. RFC 4169 §2.2. */
      readonly keys?: SessionKeys;
    }
  | { readonly ok: false; readonly reason: DigestRefusal };

/** RFC 3261 §22.3 allows several for one realm; each costs hashing, so only so many are looked at. */
const MAX_CREDENTIALS = 4;

/** Challenges requests and verifies the answers. RFC 3261 §22, RFC 7616, RFC 8760 §2.3. ACK and CANCEL are never challenged. */
export class DigestServer {
  readonly side: AuthSide;
  /** Of the response that carries the challenge. */
  readonly statusCode: 401 | 407;
  /** Header field for each value of {@link challenge}. */
  readonly challengeHeader: string;
  readonly #options: DigestServerOptions;
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #qop: readonly Qop[];
  readonly #akaAlgorithms: readonly DigestAlgorithm[];
  readonly #nonces: Nonces;
  readonly #akaNonces: AkaNonces | undefined;
  /** Stands in for a user who does not exist; of the same form as the last real one, so that it costs the same. */
  #decoy: DigestSecret = { password: randomBytes(16) };

  /** @throws {RangeError} for an unknown algorithm, or none. */
  constructor(options: DigestServerOptions) {
    this.#options = options;
    this.side = options.side ?? "uas";
    this.statusCode = authSides[this.side].statusCode;
    this.challengeHeader = authSides[this.side].challenge;
    this.#algorithms = (options.algorithms ?? ["SHA-256", "MD5"]).map((name) => knownAlgorithm(name, digestAlgorithms));
    if (this.#algorithms.length === 0) throw new RangeError("no digest algorithm");
    this.#qop = options.qop ?? ["auth"];
    const { aka, clock = systemClock, maxNonces = 100_000 } = options;
    const lifetimeMs = (options.nonceLifetimeSeconds ?? 300) * 1000;
    this.#nonces = new Nonces({ clock, lifetimeMs, maxNonces, secret: options.nonceSecret ?? randomBytes(32) });
    this.#akaAlgorithms = (aka?.algorithms ?? ["AKAv1-MD5"]).map((name) => knownAlgorithm(name, akaAlgorithms));
    if (this.#akaAlgorithms.length === 0) throw new RangeError("no digest algorithm for AKA");
    this.#akaNonces = aka && new AkaNonces({ source: aka.source, clock, lifetimeMs, maxNonces });
  }

  /** Values of {@link challengeHeader}, one field each, in this order, for users with passwords. */
  challenge(request: SipRequest, options: { readonly stale?: boolean } = {}): string[] {
    const realm = this.#realmOf(request);
    return this.#challenges(this.#algorithms, realm, this.#nonces.issue(realm), options);
  }

  /**
   * The same for whoever sends `request`: a subscriber of `aka` gets a challenge for the USIM, and no other (RFC 3310 §5.3).
   * Rejects only with what the source of vectors rejects with.
   */
  async challengeFor(request: SipRequest, options: { readonly stale?: boolean } = {}): Promise<string[]> {
    const realm = this.#realmOf(request);
    const username = this.#akaNonces && this.#identify(request, realm);
    const nonce = username === undefined ? undefined : await this.#akaNonces?.issue(username, decodeText(realm));
    return nonce === undefined
      ? this.challenge(request, options)
      : this.#challenges(this.#akaAlgorithms, realm, nonce, options);
  }

  /**
   * Checks the credentials of `request` for this realm. Rejects only with what the user lookup and the source of vectors
   * reject with.
   */
  async verify(request: SipRequest): Promise<DigestVerdict> {
    const realm = this.#realmOf(request);
    const { sound, flawed } = readCredentials(request, this.side);
    let refusal: DigestRefusal = flawed ? "malformed" : "missing";
    for (const credentials of sound.filter((each) => each.realm === realm).slice(0, MAX_CREDENTIALS)) {
      const verdict = await this.#judge(credentials, request);
      if (verdict.ok) return verdict;
      refusal = verdict.reason;
    }
    return { ok: false, reason: refusal };
  }

  async #judge(credentials: DigestCredentials, request: SipRequest): Promise<DigestVerdict> {
    const { realm, nonce, qop } = credentials;
    const algorithm =
      findAlgorithm(credentials.algorithm, this.#algorithms) ??
      (this.#akaNonces && findAlgorithm(credentials.algorithm, this.#akaAlgorithms));
    // RFC 8760 §2.7: an empty nonce asks for a challenge.
    if (algorithm === undefined || nonce === "") return refuse("missing");
    const known = qop === undefined || this.#qop.some((offered) => offered === qop);
    if (!known || (algorithm.session && credentials.cnonce === undefined)) return refuse("malformed");
    if (!this.#corresponds(credentials.uri, request)) return refuse("malformed");
    if (algorithm.aka !== undefined) return this.#judgeAka(credentials, request, algorithm);

    const username = decodeText(credentials.username);
    const secret = await this.#options.users(username, decodeText(realm));
    if (secret !== undefined) this.#decoy = "ha1" in secret ? { ha1: DECOY_HA1 } : DECOY_PASSWORD;
    const ha1 = ha1Of(secret ?? this.#decoy, algorithm.hash, credentials);
    const matches = isAnswer(credentials, request, algorithm, ha1);
    if (secret === undefined) return refuse("unknown-user");
    if (!matches) return refuse("wrong-password");

    // RFC 2617 §3.2.1: stale only when the digest was right. A nonce of a server before its restart is stale, too.
    if (this.#nonces.check(nonce, realm) !== "valid") return refuse("stale");
    if (!this.#nonces.use(nonce, countOf(credentials))) return refuse("replayed");
    return { ok: true, username, realm: decodeText(realm), algorithm: algorithm.name };
  }

  /**
   * The name in the credentials takes part in the digest only: who answered is who was challenged, because nobody else has
   * that K.
   */
  async #judgeAka(
    credentials: DigestCredentials,
    request: SipRequest,
    algorithm: DigestAlgorithm,
  ): Promise<DigestVerdict> {
    const { hash, aka: version = 1, name } = algorithm;
    const issued = this.#akaNonces?.find(credentials.nonce, decodeText(credentials.realm));
    if (this.#akaNonces === undefined || issued === undefined) return refuse("missing");
    const { username, realm, vector, count } = issued;
    const answers = (password: string | Uint8Array): boolean =>
      isAnswer(credentials, request, algorithm, digestHa1(hash, credentials.username, credentials.realm, password));
    if (credentials.auts !== undefined) {
      const auts = fromAuts(credentials.auts);
      if (auts === undefined) return refuse("malformed");
      // RFC 3310 §3.4: the digest of an empty password.
      const taken = answers("") && (await this.#akaNonces.resynchronize(credentials.nonce, issued, auts));
      return refuse(taken ? "resynchronized" : "wrong-password");
    }
    if (!answers(akaPassword(version, hash, { ...vector, res: vector.xres }))) return refuse("wrong-password");
    if (!count.use(countOf(credentials))) return refuse("replayed");
    return { ok: true, username, realm, algorithm: name, keys: akaSessionKeys(version, hash, vector) };
  }

  /** RFC 3310 §5.2: by the credentials, which an IMS client sends without being asked, or by the request. */
  #identify(request: SipRequest, realm: string): string | undefined {
    const { sound } = readCredentials(request, this.side);
    const named = sound.find((each) => each.realm === realm && each.username !== "");
    if (named !== undefined) return decodeText(named.username);
    return (this.#options.aka?.identify ?? addressedUser)(request);
  }

  #challenges(
    algorithms: readonly DigestAlgorithm[],
    realm: string,
    nonce: string,
    { stale = false }: { readonly stale?: boolean },
  ): string[] {
    return algorithms.map(({ name }) =>
      serializeChallenge({ realm, nonce, algorithm: name, qop: this.#qop, stale, userhash: false }),
    );
  }

  #corresponds(uriText: string, request: SipRequest): boolean {
    const { acceptsUri } = this.#options;
    if (acceptsUri === undefined && uriText === request.requestUri) return true;
    try {
      const uri = parseUri(uriText, "uri");
      if (acceptsUri !== undefined) return acceptsUri(uri, request);
      return [request.uri, request.to.uri].some((other) => urisEqual(uri, other) || isHostOf(uri, other));
    } catch (error) {
      if (error instanceof SipParseError) return false;
      throw error;
    }
  }

  #realmOf(request: SipRequest): string {
    const { realm } = this.#options;
    return encodeText(typeof realm === "string" ? realm : realm(request));
  }
}

const DECOY_PASSWORD: DigestSecret = { password: randomBytes(16) };
const DECOY_HA1: Readonly<Record<DigestHash, string>> = {
  MD5: randomBytes(16).toString("hex"),
  "SHA-256": randomBytes(32).toString("hex"),
  "SHA-512-256": randomBytes(32).toString("hex"),
};

/** A secret without a HA1 for that hash gives one that no response matches. */
function ha1Of(secret: DigestSecret, hash: DigestHash, { username, realm }: DigestCredentials): string {
  if ("password" in secret) return digestHa1(hash, username, realm, secret.password);
  return (secret.ha1[hash] ?? DECOY_HA1[hash]).toLowerCase();
}

function isAnswer(
  { nonce, uri, qop, nc, cnonce, response }: DigestCredentials,
  { method, body }: SipRequest,
  algorithm: DigestAlgorithm,
  ha1: string,
): boolean {
  const known = qop as Qop | undefined;
  return sameDigest(digestResponse({ algorithm, ha1, nonce, method, uri, qop: known, nc, cnonce, body }), response);
}

/** A client of RFC 2069 has no count, so its nonce is good for once. */
function countOf({ qop, nc }: DigestCredentials): number {
  return qop === undefined ? 1 : Number.parseInt(nc ?? "", 16);
}

function addressedUser(request: SipRequest): string | undefined {
  const { uri } = request.method === "REGISTER" ? request.to : request.from;
  if (uri.scheme !== "sip" && uri.scheme !== "sips") return undefined;
  const user = uri.user?.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return user === undefined || user === "" ? undefined : decodeText(user);
}

function isHostOf(uri: Uri, other: Uri): boolean {
  if (!("host" in uri && "host" in other) || uri.user !== undefined) return false;
  return canonicalHost(uri.host) === canonicalHost(other.host);
}

function readCredentials(request: SipRequest, side: AuthSide): { sound: DigestCredentials[]; flawed: boolean } {
  const name = authSides[side].credentials;
  const sound: DigestCredentials[] = [];
  let flawed = false;
  for (const value of request.headers.getAll(name)) {
    try {
      sound.push(...parseCredentials(value, name));
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      flawed = true;
    }
  }
  return { sound, flawed };
}

function knownAlgorithm(name: string, table: readonly DigestAlgorithm[]): DigestAlgorithm {
  const row = findAlgorithm(name, table);
  if (row === undefined) throw new RangeError(`unknown digest algorithm "${name}"`);
  return row;
}

function refuse(reason: DigestRefusal): DigestVerdict {
  return { ok: false, reason };
}
