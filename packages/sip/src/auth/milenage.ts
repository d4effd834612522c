import { createCipheriv } from "node:crypto";

/** What f2 to f5* give for one RAND. TS 35.206 §4.1. */
export interface MilenageOutput {
  /** f2, 8 octets. */
  readonly res: Uint8Array;
  /** f3, 16 octets. */
  readonly ck: Uint8Array;
  /** f4, 16 octets. */
  readonly ik: Uint8Array;
  /** f5, 6 octets: conceals SQN in AUTN. */
  readonly ak: Uint8Array;
  /** f5*, 6 octets: conceals SQN in AUTS. */
  readonly akStar: Uint8Array;
}

const BLOCK = 16;
/** Rotations in octets, and last octets of the constants: r1..r5 and c1..c5 of TS 35.206 §4.1. */
const ROTATIONS = [8, 0, 4, 8, 12] as const;
const CONSTANTS = [0, 1, 2, 4, 8] as const;

/**
 * The MILENAGE functions f1, f1*, f2, f3, f4, f5 and f5* of one subscriber, with AES-128 as the kernel. 3GPP TS 35.206 §4.1.
 * The lengths of keys and of RAND (16), SQN (6) and AMF (2 octets) are for the caller to see to.
 */
export class Milenage {
  readonly #opc: Uint8Array;
  readonly #encrypt: (block: Uint8Array) => Buffer;

  /** @param k subscriber key. @param opc OPc, made of OP by {@link opcOf}. */
  constructor(k: Uint8Array, opc: Uint8Array) {
    this.#opc = opc;
    this.#encrypt = aes(k);
  }

  /** MAC-A (f1) and MAC-S (f1*), 8 octets each. */
  f1(rand: Uint8Array, sqn: Uint8Array, amf: Uint8Array): { readonly macA: Uint8Array; readonly macS: Uint8Array } {
    const out = this.#out(
      0,
      xor(this.#temp(rand), rotated(xor(Buffer.concat([sqn, amf, sqn, amf]), this.#opc), ROTATIONS[0])),
    );
    return { macA: out.subarray(0, 8), macS: out.subarray(8) };
  }

  f2345(rand: Uint8Array): MilenageOutput {
    const temp = xor(this.#temp(rand), this.#opc);
    const [out2, ck, ik, out5] = ([1, 2, 3, 4] as const).map((i) => this.#out(i, rotated(temp, ROTATIONS[i]))) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    return { res: out2.subarray(8), ck, ik, ak: out2.subarray(0, 6), akStar: out5.subarray(0, 6) };
  }

  #temp(rand: Uint8Array): Buffer {
    return this.#encrypt(xor(rand, this.#opc));
  }

  /** OUT1..OUT5: encrypts the rotated block with its constant. */
  #out(index: 0 | 1 | 2 | 3 | 4, block: Buffer): Buffer {
    block[BLOCK - 1] = (block[BLOCK - 1] as number) ^ CONSTANTS[index];
    return xor(this.#encrypt(block), this.#opc);
  }
}

/** OPc = OP xor E_K(OP). TS 35.206 §4.1. */
export function opcOf(k: Uint8Array, op: Uint8Array): Uint8Array {
  return xor(aes(k)(op), op);
}

/** Both of one length; a new buffer. */
export function xor(a: Uint8Array, b: Uint8Array): Buffer {
  const result = Buffer.from(a);
  for (let i = 0; i < result.length; i++) result[i] = (result[i] as number) ^ (b[i] as number);
  return result;
}

/** Cyclic rotation towards the most significant bit. */
function rotated(block: Uint8Array, octets: number): Buffer {
  return Buffer.concat([block.subarray(octets), block.subarray(0, octets)]);
}

/** One block at a time, so ECB has nothing to chain and the cipher serves for all. */
function aes(key: Uint8Array): (block: Uint8Array) => Buffer {
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  return (block) => cipher.update(block);
}
