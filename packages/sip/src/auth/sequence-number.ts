import { AkaError, SQN_OCTETS } from "./aka.ts";

/** SQN = SEQ || IND, with 5 bits of IND: TS 33.102 §C.3.2. A JavaScript number holds all 48 bits. */
export const SLOTS = 32;
/** How far SEQ may jump ahead, so that nobody can wear SQN out: TS 33.102 §C.2.1, §C.3.2. */
export const MAX_JUMP: number = 2 ** 28;
export const MAX_SQN: number = 2 ** 48 - 1;

export const seqOf = (sqn: number): number => Math.floor(sqn / SLOTS);
export const slotOf = (sqn: number): number => sqn % SLOTS;

export function toSqn(octets: Uint8Array): number {
  return Buffer.from(octets).readUIntBE(0, SQN_OCTETS);
}

export function fromSqn(sqn: number): Uint8Array {
  const octets = Buffer.alloc(SQN_OCTETS);
  octets.writeUIntBE(sqn, 0, SQN_OCTETS);
  return octets;
}

/** The next SQN that a home network uses: SEQ and IND both one up, IND in a circle. TS 33.102 §C.1.1.3, §C.1.2. */
export function nextSqn(sqn: number): number {
  return (seqOf(sqn) + 1) * SLOTS + ((slotOf(sqn) + 1) % SLOTS);
}

/** @throws {AkaError} AKA_BAD_STATE naming `field`. */
export function checkSqn(sqn: unknown, field: string): number {
  if (typeof sqn === "number" && Number.isInteger(sqn) && sqn >= 0 && sqn <= MAX_SQN) return sqn;
  throw new AkaError("AKA_BAD_STATE", field, "must be a whole number from 0 to 2^48 - 1");
}
