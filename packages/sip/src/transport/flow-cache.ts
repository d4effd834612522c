import type { Address } from "./transport.ts";

/**
 * One object per remote address, made when first asked for. Bounded: it keeps what was used last, between half of the limit
 * and all of it. Two generations make that cheap: when the young one is full it becomes the old one, and what is found
 * there moves to the young one again.
 */
export class FlowCache<F extends { readonly remote: Address }> {
  readonly #create: (remote: Address) => F;
  readonly #generationSize: number;
  #young = new Map<string, F>();
  #old = new Map<string, F>();
  #last: F | undefined;

  /** @param limit how many are kept at most, 2 or more. */
  constructor(limit: number, create: (remote: Address) => F) {
    this.#generationSize = Math.floor(limit / 2);
    this.#create = create;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(address: string, port: number): F {
    const last = this.#last;
    // Most datagrams come from where the one before came from.
    if (last !== undefined && last.remote.port === port && last.remote.address === address) return last;
    const key = `${address} ${port}`;
    const flow = this.#young.get(key) ?? this.#grow(key, address, port);
    this.#last = flow;
    return flow;
  }

  #grow(key: string, address: string, port: number): F {
    const flow = this.#old.get(key) ?? this.#create({ address, port });
    if (this.#young.size >= this.#generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#old.delete(key);
    this.#young.set(key, flow);
    return flow;
  }
}
