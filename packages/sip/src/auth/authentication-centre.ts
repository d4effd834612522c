import { randomBytes, timingSafeEqual } from "node:crypto";
import {
  type AkaKeys,
  AMF_OCTETS,
  type AuthenticationVector,
  keyOctets,
  milenageOf,
  RESYNC_AMF,
  SQN_OCTETS,
} from "./aka.ts";
import { type Milenage, xor } from "./milenage.ts";
import { checkSqn, fromSqn, MAX_JUMP, nextSqn, seqOf, toSqn } from "./sequence-number.ts";

/** What a home network keeps of a subscriber with a USIM. */
export interface AkaSubscriber extends AkaKeys {
  /** The private identity, by which the sequence number is kept; one, whatever names lead to the subscriber. */
  readonly id: string;
  /** Authentication management field, 4 hex digits. Default `0000`: the separation bit is for EPS (TS 33.102 annex H). */
  readonly amf?: string | Uint8Array;
  /** The last SQN used, where none is stored. Default 0: a USIM that has seen more asks to be followed. */
  readonly sqn?: number;
}

/** Port to the AuC or HSS: makes vectors. Names are Unicode. A rejection comes out of `challengeFor` or `verify`. */
export interface AkaVectorSource {
  /** A vector never given before, or undefined for nobody with a USIM. */
  vector(username: string, realm: string): AuthenticationVector | undefined | Promise<AuthenticationVector | undefined>;
  /** Takes AUTS (14 octets), the answer to `rand`; false when it is not the USIM's. TS 33.102 §6.3.5. */
  resynchronize(username: string, realm: string, rand: Uint8Array, auts: Uint8Array): boolean | Promise<boolean>;
}

/** Keeps the last SQN used, by the subscriber's id. */
export interface SqnStore {
  get(id: string): number | undefined;
  set(id: string, sqn: number): void;
}

export interface AuthenticationCentreOptions {
  /** Finds a subscriber; undefined for nobody. */
  readonly subscriber: (
    username: string,
    realm: string,
  ) => AkaSubscriber | undefined | Promise<AkaSubscriber | undefined>;
  /** Default: in memory, so that after a restart each USIM is followed anew by its AUTS. */
  readonly store?: SqnStore;
  /** 16 unpredictable octets. For tests. */
  readonly newRand?: () => Uint8Array;
}

/** An authentication centre with K of every subscriber: MILENAGE, and SQN that is not made of time. TS 33.102 §6.3, §C.1. */
export class AuthenticationCentre implements AkaVectorSource {
  readonly #options: AuthenticationCentreOptions;
  readonly #store: SqnStore;
  readonly #newRand: () => Uint8Array;

  constructor(options: AuthenticationCentreOptions) {
    this.#options = options;
    this.#store = options.store ?? new Map<string, number>();
    this.#newRand = options.newRand ?? (() => randomBytes(16));
  }

  /** Rejects with {@link AkaError} for a subscriber whose keys are none. */
  async vector(username: string, realm: string): Promise<AuthenticationVector | undefined> {
    const subscriber = await this.#options.subscriber(username, realm);
    if (subscriber === undefined) return undefined;
    const functions = milenageOf(subscriber);
    const amf = keyOctets(subscriber.amf ?? "0000", AMF_OCTETS, "amf");
    const sqn = nextSqn(this.#sqnOf(subscriber));
    // A USIM takes no SQN twice: after the last one there is none. TS 33.102 §C.3 gives it 2^43 challenges.
    const sqnOctets = fromSqn(checkSqn(sqn, "sqn"));
    this.#store.set(subscriber.id, sqn);
    return vectorOf(functions, this.#newRand(), sqnOctets, amf);
  }

  /** TS 33.102 §6.3.5. Rejects with {@link AkaError} for a subscriber whose keys are none. */
  async resynchronize(username: string, realm: string, rand: Uint8Array, auts: Uint8Array): Promise<boolean> {
    const subscriber = await this.#options.subscriber(username, realm);
    if (subscriber === undefined) return false;
    const functions = milenageOf(subscriber);
    const sqnOctets = xor(auts.subarray(0, SQN_OCTETS), functions.f2345(rand).akStar);
    const { macS } = functions.f1(rand, sqnOctets, RESYNC_AMF);
    if (!timingSafeEqual(macS, auts.subarray(SQN_OCTETS))) return false;
    const usimSqn = toSqn(sqnOctets);
    const aheadBy = seqOf(nextSqn(this.#sqnOf(subscriber))) - seqOf(usimSqn);
    // Within reach already: an old AUTS must not set SQN back.
    if (aheadBy <= 0 || aheadBy > MAX_JUMP) this.#store.set(subscriber.id, usimSqn);
    return true;
  }

  #sqnOf({ id, sqn = 0 }: AkaSubscriber): number {
    return this.#store.get(id) ?? checkSqn(sqn, "sqn");
  }
}

/** One vector. TS 33.102 §6.3.2. @param rand 16, `sqn` 6, `amf` 2 octets. */
export function vectorOf(
  functions: Milenage,
  rand: Uint8Array,
  sqn: Uint8Array,
  amf: Uint8Array,
): AuthenticationVector {
  const { macA } = functions.f1(rand, sqn, amf);
  const { res, ck, ik, ak } = functions.f2345(rand);
  return { rand, autn: Buffer.concat([xor(sqn, ak), amf, macA]), xres: res, ck, ik };
}
