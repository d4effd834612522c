import { BlockList, isIP } from "node:net";
import { PushInputError } from "@sip-push/push";

/** IP addresses and CIDR ranges (`192.0.2.7`, `10.0.0.0/8`, `2001:db8::/32`). */
export class AddressRanges {
  readonly #list = new BlockList();

  /**
   * @param fieldOf names the range at an index in an error.
   * @throws {PushInputError} PUSH_BAD_OPTION.
   */
  constructor(ranges: readonly string[], fieldOf: (index: number) => string) {
    for (const [index, range] of ranges.entries()) this.#add(range, fieldOf(index));
  }

  /** Whether `address` (without brackets) is among them; an IPv4 address mapped into IPv6 counts as what it is. */
  has(address: string): boolean {
    const bare = address.replace(/^::ffff:(?=[0-9.]+$)/i, "");
    const family = isIP(bare);
    return family !== 0 && this.#list.check(bare, family === 4 ? "ipv4" : "ipv6");
  }

  #add(range: string, field: string): void {
    const match = /^([^/]+)(?:\/([0-9]{1,3}))?$/.exec(range.trim());
    const address = match?.[1] ?? "";
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    const prefix = match?.[2] === undefined ? bits : Number(match[2]);
    if (family === 0 || prefix > bits) {
      const problem = `${JSON.stringify(range)} is no IP address or range such as 10.0.0.0/8`;
      throw new PushInputError("PUSH_BAD_OPTION", field, problem);
    }
    this.#list.addSubnet(address, prefix, family === 4 ? "ipv4" : "ipv6");
  }
}

/** Whether `text` looks like an address or range and not like a URI. */
export function looksLikeRange(text: string): boolean {
  return isIP(text.trim().split("/", 1)[0] ?? "") !== 0;
}
