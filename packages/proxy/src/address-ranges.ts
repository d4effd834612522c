import { BlockList, isIP } from "node:net";
import { ProxyConfigError } from "./errors.ts";

const FORM = /^(?:\[([^\]]+)\]|([^[\]/]+))(?:\/([0-9]{1,3}))?$/;

/** A set of IP addresses: `127.0.0.0/8`, `::1`, `[2001:db8::]/32`. */
export class AddressRanges {
  readonly #list = new BlockList();

  /** @throws {ProxyConfigError} PROXY_BAD_RANGE naming every range that is none. */
  constructor(ranges: readonly string[]) {
    const problems = ranges.map((range) => this.#add(range)).filter((problem) => problem !== undefined);
    if (problems.length > 0) throw new ProxyConfigError("PROXY_BAD_RANGE", problems);
  }

  /** True for an address in one of the ranges; an IPv4 address is also known in its IPv6-mapped form. */
  has(address: string): boolean {
    const family = isIP(address);
    return family !== 0 && this.#list.check(address, family === 4 ? "ipv4" : "ipv6");
  }

  #add(range: string): string | undefined {
    const match = FORM.exec(range.trim());
    const address = match?.[1] ?? match?.[2] ?? "";
    const version = isIP(address);
    if (version === 0) return `"${range}" is no IP address or range such as 127.0.0.0/8`;
    const bits = match?.[3] === undefined ? undefined : Number(match[3]);
    const maxBits = version === 4 ? 32 : 128;
    if (bits !== undefined && bits > maxBits) return `"${range}": the prefix has at most ${maxBits} bits`;
    const family = version === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) this.#list.addAddress(address, family);
    else this.#list.addSubnet(address, bits, family);
    return undefined;
  }
}

/** 127.0.0.0/8 and ::1. */
export const loopback: AddressRanges = new AddressRanges(["127.0.0.0/8", "::1"]);
