import { randomBytes } from "node:crypto";
import {
  decodeText,
  parseNameAddr,
  SipParseError,
  type SipRequest,
  type SipResponse,
  type Uri,
} from "../message/index.ts";
import { akaAlgorithms } from "./aka-algorithms.ts";
import { parseAuthParams } from "./auth-params.ts";
import { BoundedMap } from "./bounded-map.ts";
import { type AuthSide, authSides, type DigestChallenge, parseChallenges } from "./challenge.ts";
import { type Choice, ClientSession, choose } from "./client-session.ts";
import { type DigestCredentials, parseAllSound, parseCredentials } from "./credentials.ts";
import { type DigestAccount, type DigestAlgorithm, digestAlgorithms, sameDigest } from "./digest.ts";

export interface DigestClientOptions {
  /** Whom to answer as; an account that names the realm wins over one that names none. */
  readonly accounts: readonly DigestAccount[];
  /** Algorithms to answer. Default {@link akaAlgorithms} and {@link digestAlgorithms}; leave MD5 out to refuse it. */
  readonly algorithms?: readonly DigestAlgorithm[];
  /**
   * Names the proxy a request goes to first; requests of one name share credentials. Default: host and port of the
   * topmost Route, else of the Request-URI. Give a constant when an outbound proxy is set without a Route.
   */
  readonly nextHop?: (request: SipRequest) => string;
  /** A new client nonce. Default: 128 random bits. */
  readonly newCnonce?: () => string;
  /** Sessions, and unfinished challenges, that are remembered. Default 10000. */
  readonly maxSessions?: number;
}

/** What was answered so far for a request that came out of `authorize`. */
interface Round {
  /** `side realm` of each challenge answered. */
  readonly answered: ReadonlySet<string>;
  /** Those of them answered again because their nonce was stale. */
  readonly stale: ReadonlySet<string>;
  /** Those of them answered with AUTS. */
  readonly resynchronized: ReadonlySet<string>;
  readonly count: number;
}

const SIDES = Object.keys(authSides) as AuthSide[];
/** RFC 3261 §22.1: neither may be challenged; they carry the credentials of the INVITE. */
const COPIES_CREDENTIALS: ReadonlySet<string> = new Set(["ACK", "CANCEL"]);
/** Proxies on one path that each want an answer; more is a server that plays games. */
const MAX_ROUNDS = 8;
/** Realms remembered for one scope. */
const MAX_REALMS = 8;
const FIRST: Round = { answered: new Set(), stale: new Set(), resynchronized: new Set(), count: 0 };
const ALL_ALGORITHMS: readonly DigestAlgorithm[] = [...akaAlgorithms, ...digestAlgorithms];

/** Answers Digest challenges for a UAC. RFC 3261 §22, RFC 7616, RFC 8760. Keeps secrets to itself and logs nothing. */
export class DigestClient {
  readonly #accounts: readonly DigestAccount[];
  readonly #algorithms: readonly DigestAlgorithm[];
  readonly #nextHop: (request: SipRequest) => string;
  readonly #newCnonce: () => string;
  /** By side, realm and nonce: counts must go on wherever the nonce turns up. */
  readonly #sessions: BoundedMap<ClientSession>;
  /** By side and scope: what to send without being asked; one session per realm. */
  readonly #spaces: BoundedMap<BoundedMap<ClientSession>>;
  /** By Call-ID and CSeq of a request that came out of `authorize`. */
  readonly #rounds: BoundedMap<Round>;

  constructor(options: DigestClientOptions) {
    const { accounts, algorithms = ALL_ALGORITHMS, nextHop = defaultNextHop, maxSessions = 10_000 } = options;
    this.#accounts = accounts;
    this.#algorithms = algorithms;
    this.#nextHop = nextHop;
    this.#newCnonce = options.newCnonce ?? (() => randomBytes(16).toString("hex"));
    this.#sessions = new BoundedMap(maxSessions);
    this.#spaces = new BoundedMap(maxSessions);
    this.#rounds = new BoundedMap(maxSessions);
  }

  /**
   * The request to send after `response` (401, 407) to `request`: the same Call-ID, From and To, CSeq one higher, without
   * the topmost Via, with credentials for each realm that can be answered by its topmost known algorithm (RFC 3261 §22.2,
   * §22.3, RFC 8760 §2.4). `request` stays as it is.
   *
   * Undefined means give up: no account, nothing understood, or the credentials were just refused, which MUST NOT be tried
   * again unless the nonce was stale (RFC 3261 §22.1), and then once. A USIM that was out of step says so once (RFC 3310
   * §3.4), and answers the challenge that follows.
   *
   * @throws {SipParseError} when `request` has no sound CSeq or Call-ID. What the store of a USIM throws is thrown, too.
   */
  authorize(request: SipRequest, response: SipResponse): SipRequest | undefined {
    const round = this.#rounds.take(roundKey(request)) ?? FIRST;
    if (round.count >= MAX_ROUNDS || COPIES_CREDENTIALS.has(request.method)) return undefined;
    const answered = new Set(round.answered);
    const stale = new Set(round.stale);
    const resynchronized = new Set(round.resynchronized);
    const next = withoutVia(request);
    let answers = 0;
    for (const side of SIDES) {
      const presented = presentedBy(request, side);
      const sessions = new Map<string, ClientSession>();
      for (const [realm, challenges] of byRealm(challengesOf(response, side))) {
        const choice = this.#chooseTopmost(challenges);
        const refused = presented.find((credentials) => credentials.realm === realm);
        const key = `${side} ${realm}`;
        if (refused !== undefined) {
          this.#forget(side, request, refused);
          const isStale = challenges.some((challenge) => challenge.stale);
          const isNew = choice?.challenge.nonce !== refused.nonce;
          const mayRetry = answered.has(key)
            ? (isStale && !stale.has(key)) || (refused.auts !== undefined && isNew)
            : isStale || isNew;
          if (!mayRetry) return undefined;
          if (isStale) stale.add(key);
        }
        const session = choice === undefined ? undefined : this.#sessionFor(side, choice);
        if (session === undefined) continue;
        // A second AUTS would say what the first one said.
        if (session.resynchronizes && resynchronized.has(key)) return undefined;
        sessions.set(realm, session);
        answered.add(key);
        if (session.resynchronizes) resynchronized.add(key);
        else this.#remember(side, request, session);
      }
      answers += sessions.size;
      this.#present(next, side, presented, sessions);
    }
    if (answers === 0) return undefined;
    this.#rounds.set(roundKey(next), { answered, stale, resynchronized, count: round.count + 1 });
    return next;
  }

  /**
   * Adds credentials to `request`, in place, for the realms that asked for them on the way to the same place: the same To
   * for a UAS or registrar (RFC 3261 §22.2), the same next hop for proxies. Returns `request`.
   *
   * Deviates from RFC 3261 §22.3, which ties the credentials for an unknown proxy to one Call-ID: pushes are one request
   * each, and the same next hop is the configured outbound proxy in all but name.
   */
  preauthorize(request: SipRequest): SipRequest {
    if (this.#spaces.size === 0 || COPIES_CREDENTIALS.has(request.method)) return request;
    for (const side of SIDES) {
      const { credentials } = authSides[side];
      if (request.headers.has(credentials)) continue;
      for (const session of this.#spaces.get(this.#scope(side, request))?.values() ?? []) {
        if (!session.exhausted) request.headers.add(credentials, session.sign(request));
      }
    }
    return request;
  }

  /**
   * Takes note of a final answer to `request` other than 401 and 407: its challenges are over. Honours `nextnonce` of
   * Authentication-Info, unless its `rspauth` shows a server that does not know the password. RFC 7616 §3.5.
   */
  accepted(request: SipRequest, response: SipResponse): void {
    if (this.#rounds.size > 0) this.#rounds.delete(roundKey(request));
    for (const side of SIDES) {
      const value = response.headers.get(authSides[side].info);
      if (value === undefined) continue;
      const [info] = parseAllSound([value], authSides[side].info, (text, field) => [parseAuthParams(text, field)]);
      const nextNonce = info?.get("nextnonce");
      const proof = info?.get("rspauth");
      const presented = presentedBy(request, side);
      const credentials = presented.find(({ cnonce }) => cnonce !== undefined && cnonce === info?.get("cnonce"));
      const ours = credentials ?? (presented.length === 1 ? presented[0] : undefined);
      const session = ours === undefined ? undefined : this.#sessions.get(sessionKey(side, ours));
      if (nextNonce === undefined || ours === undefined || session === undefined) continue;
      if (proof !== undefined && !sameDigest(session.rspauth(ours, response.body), proof.toLowerCase())) continue;
      const key = sessionKey(side, { realm: ours.realm, nonce: nextNonce });
      const renewed = this.#sessions.get(key) ?? session.renewed(nextNonce);
      if (renewed === undefined) continue;
      this.#sessions.set(key, renewed);
      this.#remember(side, request, renewed);
    }
  }

  /** Credentials in `next`: new ones for `sessions`, the other realms' again with a higher count, foreign ones as they were. */
  #present(
    next: SipRequest,
    side: AuthSide,
    presented: readonly DigestCredentials[],
    sessions: ReadonlyMap<string, ClientSession>,
  ): void {
    const { credentials: name } = authSides[side];
    if (presented.length > 0) {
      const foreign = next.headers
        .getAll(name)
        .filter((value) => parseAllSound([value], name, parseCredentials).length === 0);
      next.headers.remove(name);
      for (const value of foreign) next.headers.add(name, value);
    }
    for (const credentials of presented) {
      if (sessions.has(credentials.realm)) continue;
      const session = this.#sessions.get(sessionKey(side, credentials));
      if (session !== undefined) next.headers.add(name, session.sign(next));
    }
    for (const session of sessions.values()) next.headers.add(name, session.sign(next));
  }

  /** RFC 8760 §2.4: the topmost challenge of a realm that is understood; but AKAv2 before AKAv1 (RFC 4169 §4.1). */
  #chooseTopmost(challenges: readonly DigestChallenge[]): Choice | undefined {
    const choices = challenges.flatMap((challenge) => {
      const account = this.#accountFor(challenge.realm);
      return (account && choose(challenge, account, this.#algorithms)) ?? [];
    });
    return choices.find(({ algorithm }) => algorithm.aka === 2) ?? choices[0];
  }

  #accountFor(realm: string): DigestAccount | undefined {
    const name = decodeText(realm);
    return (
      this.#accounts.find((account) => account.realm === name) ??
      this.#accounts.find((account) => account.realm === undefined)
    );
  }

  /** The session of that nonce if it is known already (a server may hand one nonce to many), else a new one. */
  #sessionFor(side: AuthSide, choice: Choice): ClientSession | undefined {
    const key = sessionKey(side, choice.challenge);
    const known = this.#sessions.get(key);
    const sameTerms = known?.choice.algorithm === choice.algorithm && known.choice.qop === choice.qop;
    const session = sameTerms ? known : ClientSession.open(side, choice, this.#newCnonce);
    if (session !== undefined) this.#sessions.set(key, session);
    return session;
  }

  #forget(side: AuthSide, request: SipRequest, refused: DigestCredentials): void {
    const space = this.#spaces.get(this.#scope(side, request));
    if (space?.get(refused.realm)?.nonce === refused.nonce) space.delete(refused.realm);
  }

  #remember(side: AuthSide, request: SipRequest, session: ClientSession): void {
    const scope = this.#scope(side, request);
    const space = this.#spaces.get(scope) ?? new BoundedMap<ClientSession>(MAX_REALMS);
    space.set(session.realm, session);
    this.#spaces.set(scope, space);
  }

  #scope(side: AuthSide, request: SipRequest): string {
    return `${side} ${side === "proxy" ? this.#nextHop(request) : request.to.uriText}`;
  }
}

function withoutVia(request: SipRequest): SipRequest {
  const next = request.clone();
  next.headers.shift("Via");
  const { seq, method } = request.cseq;
  next.headers.set("CSeq", `${seq + 1} ${method}`);
  return next;
}

function challengesOf(response: SipResponse, side: AuthSide): DigestChallenge[] {
  const { challenge } = authSides[side];
  return parseAllSound(response.headers.getAll(challenge), challenge, parseChallenges);
}

function presentedBy(request: SipRequest, side: AuthSide): DigestCredentials[] {
  const { credentials } = authSides[side];
  return parseAllSound(request.headers.getAll(credentials), credentials, parseCredentials);
}

function byRealm(challenges: readonly DigestChallenge[]): Map<string, DigestChallenge[]> {
  return Map.groupBy(challenges, (challenge) => challenge.realm);
}

function sessionKey(side: AuthSide, { realm, nonce }: { readonly realm: string; readonly nonce: string }): string {
  return `${side} ${JSON.stringify([realm, nonce])}`;
}

function roundKey(request: SipRequest): string {
  return `${request.cseq.seq} ${request.cseq.method} ${request.callId}`;
}

function defaultNextHop(request: SipRequest): string {
  const uri = topRouteUri(request) ?? request.uri;
  return uri.scheme === "sip" || uri.scheme === "sips" ? `${uri.host}:${uri.port ?? ""}` : uri.scheme;
}

function topRouteUri(request: SipRequest): Uri | undefined {
  const route = request.headers.list("Route")[0];
  if (route === undefined) return undefined;
  try {
    return parseNameAddr(route, "Route").uri;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
