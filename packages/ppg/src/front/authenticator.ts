import { hash, randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { Clock } from "@sip-push/sip";
import type { InitiatorConfig } from "../config/types.ts";
import type { Initiator } from "../intake/types.ts";
import { type ClientFinder, clientFinder } from "./clients.ts";
import { type Credentials, certifiedNames, parseAuthorization } from "./credentials.ts";
import { FrontError } from "./errors.ts";
import { FailureThrottle } from "./failure-throttle.ts";
import { TokenBucket } from "./rate-limit.ts";
import { isPasswordHash, isSha256Of, verifyPassword } from "./secrets.ts";

/** A push initiator that is who it says. */
export interface AuthenticatedInitiator {
  readonly initiator: Initiator;
  /** Null: no limit. */
  readonly bucket: TokenBucket | null;
}

/**
 * - `unauthenticated`: no credentials, or wrong ones. `insecure`: they would travel in the clear.
 * - `slowedDown`: too many wrong ones from this address; it is to wait. `busy`: too many are being checked.
 */
export type Authentication =
  | ({ readonly result: "authenticated" } & AuthenticatedInitiator)
  | { readonly result: "unauthenticated" | "insecure" | "busy" }
  | { readonly result: "slowedDown"; readonly retryAfterSeconds: number };

/** Credentials that were found right, by their keyed hash; scrypt is for those that are new. */
const MAX_REMEMBERED = 4_096;
/** Passwords under scrypt at a time, and waiting for it: the pool that does it has other work too. */
const MAX_CHECKING = 2;
const MAX_WAITING = 32;

interface Known extends AuthenticatedInitiator {
  readonly result: "authenticated";
  readonly config: InitiatorConfig;
}

/**
 * Tells who makes a request: by its Authorization field (Basic, Bearer) when there is one, otherwise by the client certificate
 * of its connection. Each of what an initiator has is enough by itself.
 */
export class Authenticator {
  readonly #byName = new Map<string, Known>();
  readonly #byCertificate = new Map<string, Known>();
  readonly #withTokens: readonly Known[];
  readonly #allowPlain: boolean;
  readonly #clientOf: ClientFinder;
  readonly #throttle: FailureThrottle;
  readonly #key = randomBytes(32).toString("latin1");
  readonly #remembered = new Map<string, Known>();
  readonly #checking = new Map<string, Promise<Authentication>>();
  readonly #ofConnection = new WeakMap<TLSSocket, Known | null>();
  readonly #queue: (() => void)[] = [];
  #running = 0;

  /**
   * @param before the one that this one takes the place of: who was too fast, or guessed, stays so.
   * @throws {FrontError} FRONT_BAD_OPTION: a name or certificate name twice, or a verifier that is none.
   */
  constructor(
    initiators: readonly InitiatorConfig[],
    {
      clock,
      allowPlain,
      clientOf = clientFinder([]),
    }: { readonly clock: Clock; readonly allowPlain: boolean; readonly clientOf?: ClientFinder },
    before?: Authenticator,
  ) {
    this.#allowPlain = allowPlain;
    this.#clientOf = clientOf;
    this.#throttle = before === undefined ? new FailureThrottle(clock) : before.#throttle;
    for (const config of initiators) {
      const { name, recipients, applications, notifyUrls, rate } = config;
      checkVerifiers(config);
      const known: Known = {
        result: "authenticated",
        initiator: { name, recipients, applications, notifyUrls },
        bucket:
          (before === undefined ? null : before.#bucketOf(name, rate)) ??
          (rate === null ? null : new TokenBucket(rate, clock)),
        config,
      };
      addOnce(this.#byName, name, known);
      for (const each of config.certificates) addOnce(this.#byCertificate, each.toLowerCase(), known);
    }
    this.#withTokens = [...this.#byName.values()].filter(({ config }) => config.tokens.length > 0);
  }

  /** At once for who is known already; a promise, which never rejects, while a password is being checked. */
  authenticate(request: IncomingMessage): Authentication | Promise<Authentication> {
    const { socket, headers } = request;
    const { authorization } = headers;
    const { address, secure, local } = this.#clientOf(request);
    if (!secure && !this.#allowPlain && !local) return { result: "insecure" };
    if (authorization === undefined) {
      return (socket instanceof TLSSocket && this.#byConnection(socket)) || { result: "unauthenticated" };
    }
    const key = hash("sha256", this.#key + authorization, "base64");
    const remembered = this.#remembered.get(key);
    if (remembered !== undefined) return remembered;
    const underWay = this.#checking.get(key);
    if (underWay !== undefined) return underWay;
    const retryAfterSeconds = this.#throttle.waitSeconds(address);
    if (retryAfterSeconds > 0) return { result: "slowedDown", retryAfterSeconds };
    return this.#check(parseAuthorization(authorization), key, address);
  }

  /** Of the initiator of this name, if it had the same rate. */
  #bucketOf(name: string, rate: InitiatorConfig["rate"]): TokenBucket | null {
    const known = this.#byName.get(name);
    const same = known?.config.rate?.perSecond === rate?.perSecond && known?.config.rate?.burst === rate?.burst;
    return same ? (known?.bucket ?? null) : null;
  }

  #check(credentials: Credentials, key: string, address: string): Authentication | Promise<Authentication> {
    if (credentials.scheme !== "basic") {
      return this.#conclude(
        credentials.scheme === "bearer" ? this.#ofToken(credentials.token) : undefined,
        key,
        address,
      );
    }
    if (this.#running >= MAX_CHECKING && this.#queue.length >= MAX_WAITING) return { result: "busy" };
    const { user, password } = credentials;
    const known = this.#byName.get(user);
    const checked = this.#inTurn(() => verifyPassword(password, known?.config.password ?? null)).then(
      (right) => this.#conclude(right ? known : undefined, key, address),
      (): Authentication => ({ result: "busy" }), // no memory for scrypt
    );
    this.#checking.set(key, checked);
    return checked.finally(() => this.#checking.delete(key));
  }

  #conclude(known: Known | undefined, key: string, address: string): Authentication {
    if (known === undefined) {
      this.#throttle.failed(address);
      return { result: "unauthenticated" };
    }
    if (this.#remembered.size >= MAX_REMEMBERED) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(key, known);
    return known;
  }

  /** All are compared, so that the time says nothing of which. */
  #ofToken(token: string): Known | undefined {
    let found: Known | undefined;
    for (const known of this.#withTokens) {
      for (const verifier of known.config.tokens) {
        if ("sha256" in verifier && isSha256Of(verifier.sha256, token)) found = known;
      }
    }
    return found;
  }

  /** The certificate of a connection is looked at once. */
  #byConnection(socket: TLSSocket): Known | null {
    const looked = this.#ofConnection.get(socket);
    if (looked !== undefined) return looked;
    const name = certifiedNames(socket).find((each) => this.#byCertificate.has(each));
    const known = (name === undefined ? undefined : this.#byCertificate.get(name)) ?? null;
    this.#ofConnection.set(socket, known);
    return known;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= MAX_CHECKING) await new Promise<void>((resolve) => this.#queue.push(resolve));
    else this.#running += 1;
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      // Whoever comes next has the place of the one that ends.
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

function addOnce(map: Map<string, Known>, key: string, known: Known): void {
  if (map.has(key)) throw new FrontError("FRONT_BAD_OPTION", `two initiators are called ${JSON.stringify(key)}`);
  map.set(key, known);
}

function checkVerifiers({ name, password, tokens }: InitiatorConfig): void {
  const isHex = (text: string): boolean => /^[0-9a-f]{64}$/i.test(text);
  const isPassword =
    password === null || ("scrypt" in password ? isPasswordHash(password.scrypt) : isHex(password.sha256));
  const areTokens = tokens.every((token) => "sha256" in token && isHex(token.sha256));
  if (isPassword && areTokens) return;
  const what = isPassword ? "a token that is no SHA-256 in hexadecimal" : "a password that is no hash";
  throw new FrontError("FRONT_BAD_OPTION", `initiator ${JSON.stringify(name)} has ${what}`);
}
