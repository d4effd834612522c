import type { Clock } from "../clock.ts";
import { type AuthenticationVector, toAkaNonce } from "./aka.ts";
import type { AkaVectorSource } from "./authentication-centre.ts";
import { BoundedMap } from "./bounded-map.ts";
import { NonceCount } from "./nonce-count.ts";

export interface AkaNoncesOptions {
  readonly source: AkaVectorSource;
  readonly clock: Clock;
  /** How long a challenge may be answered, and its answer used again. */
  readonly lifetimeMs: number;
  /** Challenges that are remembered; past that the oldest can be answered no more. */
  readonly maxNonces: number;
}

/** A challenge that was handed out. */
export interface AkaNonce {
  /** Whom the vector is for. */
  readonly username: string;
  readonly realm: string;
  readonly vector: AuthenticationVector;
  readonly issuedMs: number;
  readonly count: NonceCount;
}

/** The AKA challenges under way. Unlike a nonce of {@link Nonces} each has a secret of its own, so it must be remembered. */
export class AkaNonces {
  readonly #options: AkaNoncesOptions;
  readonly #issued: BoundedMap<AkaNonce>;

  constructor(options: AkaNoncesOptions) {
    this.#options = options;
    this.#issued = new BoundedMap(options.maxNonces);
  }

  /** A new nonce, or undefined for a user without a USIM. Names are Unicode. */
  async issue(username: string, realm: string): Promise<string | undefined> {
    const { source, clock } = this.#options;
    const vector = await source.vector(username, realm);
    if (vector === undefined) return undefined;
    const nonce = toAkaNonce(vector.rand, vector.autn);
    this.#issued.set(nonce, { username, realm, vector, issuedMs: clock.now(), count: new NonceCount() });
    return nonce;
  }

  /** The challenge that `nonce` came from, or undefined when it is not ours, or too long ago. */
  find(nonce: string, realm: string): AkaNonce | undefined {
    const found = this.#issued.get(nonce);
    if (found === undefined || found.realm !== realm) return undefined;
    if (this.#options.clock.now() - found.issuedMs < this.#options.lifetimeMs) return found;
    this.#issued.delete(nonce);
    return undefined;
  }

  /** Takes AUTS in, once for each challenge; one that is not the USIM's ends nothing, or anybody on the way could. */
  async resynchronize(nonce: string, { username, realm, vector }: AkaNonce, auts: Uint8Array): Promise<boolean> {
    const taken = await this.#options.source.resynchronize(username, realm, vector.rand, auts);
    if (taken) this.#issued.delete(nonce);
    return taken;
  }
}
