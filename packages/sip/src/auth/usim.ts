import { timingSafeEqual } from "node:crypto";
import { AkaError, type AkaKeys, AMF_OCTETS, milenageOf, RESYNC_AMF, type SessionKeys, SQN_OCTETS } from "./aka.ts";
import { type Milenage, type MilenageOutput, xor } from "./milenage.ts";
import { checkSqn, fromSqn, MAX_JUMP, SLOTS, seqOf, slotOf, toSqn } from "./sequence-number.ts";

/** Keeps the sequence numbers that a USIM accepted, so that no challenge is taken twice, a restart between them or not. */
export interface UsimStore {
  /** What was saved last; undefined for a new USIM. */
  load(): readonly number[] | undefined;
  /** Takes the highest accepted SQN of each of the 32 slots, before the answer is given; a throw keeps the answer back. */
  save(sqns: readonly number[]): void;
}

export interface UsimOptions extends AkaKeys {
  /** Default: in memory, from zero. */
  readonly store?: UsimStore;
}

/** What a USIM says to a challenge. TS 33.102 §6.3.3; RFC 3310 §3.3, §3.4. */
export type UsimAnswer =
  | ({ readonly kind: "response"; readonly res: Uint8Array } & SessionKeys)
  /** The challenge is the network's, but old, or its SQN jumped too far. AUTS is 14 octets. */
  | { readonly kind: "synchronization-failure"; readonly auts: Uint8Array }
  /** The network does not know K. */
  | { readonly kind: "wrong-mac" };

/** A USIM in software: K and OPc, and the sequence numbers seen. TS 33.102 §6.3.3, §C.2; algorithms of TS 35.206. */
export class Usim {
  readonly #functions: Milenage;
  readonly #store: UsimStore | undefined;
  /** SQN_MS by IND. */
  #sqns: readonly number[];

  /** @throws {AkaError} for a key of a wrong length, both or none of `opc` and `op`, or a stored state that is none. */
  constructor({ k, opc, op, store }: UsimOptions) {
    this.#functions = milenageOf({ k, ...(opc !== undefined && { opc }), ...(op !== undefined && { op }) });
    this.#store = store;
    const sqns = store?.load() ?? Array.from({ length: SLOTS }, () => 0);
    if (!Array.isArray(sqns) || sqns.length !== SLOTS) {
      throw new AkaError("AKA_BAD_STATE", "sqns", `must be a list of ${SLOTS} numbers`);
    }
    this.#sqns = sqns.map((sqn: unknown, slot) => checkSqn(sqn, `sqns[${slot}]`));
  }

  /** Runs AKA for one challenge. @param rand 16 octets. @param autn 16 octets. Throws only what the store throws. */
  authenticate(rand: Uint8Array, autn: Uint8Array): UsimAnswer {
    const output = this.#functions.f2345(rand);
    const sqnOctets = xor(autn.subarray(0, SQN_OCTETS), output.ak);
    const amf = autn.subarray(SQN_OCTETS, SQN_OCTETS + AMF_OCTETS);
    const { macA } = this.#functions.f1(rand, sqnOctets, amf);
    if (!timingSafeEqual(macA, autn.subarray(SQN_OCTETS + AMF_OCTETS))) return { kind: "wrong-mac" };
    const sqn = toSqn(sqnOctets);
    if (!this.#isFresh(sqn)) return { kind: "synchronization-failure", auts: this.#auts(rand, output) };
    this.#accept(sqn);
    const { res, ck, ik } = output;
    return { kind: "response", res, ck, ik };
  }

  /** Above all that its slot has seen, and not out of reach of the highest. TS 33.102 §C.2.1, §C.2.2. */
  #isFresh(sqn: number): boolean {
    const seq = seqOf(sqn);
    return seq > seqOf(this.#sqns[slotOf(sqn)] as number) && seq - seqOf(this.#highest()) <= MAX_JUMP;
  }

  #accept(sqn: number): void {
    const sqns = this.#sqns.with(slotOf(sqn), sqn);
    this.#store?.save(sqns);
    this.#sqns = sqns;
  }

  /** SQN_MS in the answer is the highest of all slots. TS 33.102 §C.2.1. */
  #highest(): number {
    return Math.max(...this.#sqns);
  }

  #auts(rand: Uint8Array, { akStar }: MilenageOutput): Uint8Array {
    const sqn = fromSqn(this.#highest());
    const { macS } = this.#functions.f1(rand, sqn, RESYNC_AMF);
    return Buffer.concat([xor(sqn, akStar), macS]);
  }
}
