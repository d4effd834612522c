import { BlockList, isIP } from "node:net";
import { TrustConfigError, type TrustProblem } from "./errors.ts";

const FORM = /^(?:\[([^\]]+)\]|([^[\]/]+))(?:\/([0-9]{1,3}))?$/;

/** A set of IP addresses: `127.0.0.0/8`, `::1`, `[2001:db8::]/32`. */
export class AddressRanges {
  readonly #list = new BlockList();

  /** @throws {TrustConfigError} TRUST_BAD_PEER naming every range that is none. */
  constructor(ranges: readonly string[]) {
    const problems: TrustProblem[] = [];
    for (const [index, range] of ranges.entries()) {
      const problem = this.add(range);
      if (problem !== undefined) problems.push({ index, problem });
    }
    if (problems.length > 0) throw new TrustConfigError(problems);
  }

  /** Takes `range` in, or says in one line why it is none. */
  add(range: string): string | undefined {
    const match = FORM.exec(range.trim());
    const address = match?.[1] ?? match?.[2] ?? "";
    const version = isIP(address);
    // A zone (`fe80::1%eth0`) names an interface of one machine, not a peer.
    if (version === 0 || address.includes("%"))
      return `${JSON.stringify(range)} is no IP address or range such as 127.0.0.0/8`;
    const family = version === 4 ? "ipv4" : "ipv6";
    const maxBits = version === 4 ? 32 : 128;
    const bits = match?.[3] === undefined ? maxBits : Number(match[3]);
    if (bits > maxBits) {
      return `${JSON.stringify(range)} is no IP address or range: the prefix has at most ${maxBits} bits`;
    }
    this.#list.addSubnet(address, bits, family);
    return undefined;
  }

  /** True for an address (without brackets) in one of the ranges; an IPv4 address is also known in its IPv6-mapped form. */
  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? "ipv4" : "ipv6");
  }
}

/** Whether `text` looks like an address or range, right or wrong, and not like a name or a URI. */
export function looksLikeRange(text: string): boolean {
  const [host = ""] = text.trim().split("/", 1);
  return isIP(host.replace(/^\[(.*)\]$/, "$1")) !== 0 || /^[0-9.]+$/.test(host);
}

/** 127.0.0.0/8 and ::1. */
export const loopback: AddressRanges = new AddressRanges(["127.0.0.0/8", "::1"]);
