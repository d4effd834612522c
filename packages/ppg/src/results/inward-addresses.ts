import { type LookupAddress, type LookupOptions, lookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import { AddressRanges } from "@sip-push/sip";

/** Problem of an outcome: nothing was connected, because all that the host stands for is {@link isInward}. */
export const INWARD_ADDRESS = "INWARD_ADDRESS";

/**
 * IANA special-purpose registry (RFC 6890): unspecified, private, shared (RFC 6598), loopback, link-local with the metadata services of
 * clouds, protocol assignments, benchmarks, multicast, reserved and broadcast.
 */
const INWARD_IPV4: readonly string[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.0.0.0/24",
  "168.63.129.16/32", // what a cloud answers its machines at
  "192.168.0.0/16",
  "198.18.0.0/15",
  "224.0.0.0/4",
  "240.0.0.0/4",
];

/** Unspecified, loopback and IPv4-compatible; local NAT64 (RFC 8215), 6to4, unique and site-local, link-local, multicast. */
const INWARD_IPV6: readonly string[] = [
  "::/96",
  "::ffff:0:0:0/96", // IPv4-translated (RFC 2765)
  "64:ff9b:1::/48",
  "2002::/16",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
  "ff00::/8",
];

/** The same IPv4 addresses behind a NAT64 (RFC 6052 §2.1); IPv4-mapped ones are known by themselves. */
const behindNat64 = INWARD_IPV4.map((range) => {
  const [address = "", bits = ""] = range.split("/");
  return `64:ff9b::${address}/${96 + Number(bits)}`;
});

const inward = new AddressRanges([...INWARD_IPV4, ...INWARD_IPV6, ...behindNat64]);

/** Whether an IP address, without brackets, is of this machine, of its networks, or nobody's: not one of the public Internet. */
export function isInward(address: string): boolean {
  const bare = address.replace(/%.*$/, "");
  return isIP(bare) === 0 || inward.has(bare);
}

/** The address that a URL has for a host, when that is {@link isInward}; undefined: another one, or a name. */
export function inwardHostOf({ hostname }: URL): string | undefined {
  const host = hostname.replace(/^\[|\]$/g, "");
  return isIP(host) !== 0 && isInward(host) ? host : undefined;
}

type ResolveAll = (
  host: string,
  options: LookupOptions & { all: true },
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * Resolves names for connections as Node does, without the addresses that are inward. What it gives is what is connected to, so
 * that a name cannot lead elsewhere once it was looked at (DNS rebinding). A name with no others fails: {@link INWARD_ADDRESS}, with
 * what it stands for in the message.
 *
 * @param resolve default: as the machine does.
 */
export function outwardLookup(resolve: ResolveAll = lookup): LookupFunction {
  return (host, options, done) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        done(error, "");
        return;
      }
      const outward = addresses.filter(({ address }) => !isInward(address));
      const [first] = outward;
      if (first === undefined) {
        const found = addresses.map(({ address }) => address).join(", ");
        const problem = new Error(found === "" ? `${host} has no address` : `${host} stands for ${found}`);
        done(Object.assign(problem, { code: found === "" ? "ENOTFOUND" : INWARD_ADDRESS }), "");
      } else if (options.all === true) done(null, outward);
      else done(null, first.address, first.family);
    });
  };
}
