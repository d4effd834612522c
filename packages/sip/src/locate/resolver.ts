import { isIP } from "node:net";

/** NAPTR record. RFC 3403 §4.1. */
export interface NaptrRecord {
  /** 0..65535, lowest first. */
  readonly order: number;
  /** 0..65535, lowest first within one order. */
  readonly preference: number;
  readonly flags: string;
  readonly service: string;
  readonly regexp: string;
  readonly replacement: string;
}

/** SRV record. RFC 2782. */
export interface SrvRecord {
  /** 0..65535, lowest first. */
  readonly priority: number;
  /** 0..65535, share within one priority. */
  readonly weight: number;
  readonly port: number;
  /** Host name; "." or "" says that the service is not offered. */
  readonly target: string;
}

/**
 * Port to DNS. A name that does not exist, or has no record of that kind, gives an empty list; a server that does not
 * answer rejects with a {@link SipLocateError} SIP_DNS_FAILED. Names come without brackets and trailing dot.
 */
export interface Resolver {
  naptr(name: string): Promise<readonly NaptrRecord[]>;
  srv(name: string): Promise<readonly SrvRecord[]>;
  /** IPv4 and IPv6 addresses in order of preference, or those of one family. */
  addresses(name: string, family?: 4 | 6): Promise<readonly string[]>;
}

/** What one name has; a missing kind is empty. */
export interface StaticRecords {
  readonly naptr?: readonly NaptrRecord[];
  readonly srv?: readonly SrvRecord[];
  readonly addresses?: readonly string[];
}

/** A resolver that knows what it is given, by name, and asks nobody. For tests, and for hosts named in a configuration. */
export function staticResolver(records: Readonly<Record<string, StaticRecords>>): Resolver {
  const byName = new Map(Object.entries(records).map(([name, each]) => [canonicalName(name), each]));
  const find = (name: string): StaticRecords => byName.get(canonicalName(name)) ?? {};
  return {
    naptr: (name) => Promise.resolve(find(name).naptr ?? []),
    srv: (name) => Promise.resolve(find(name).srv ?? []),
    addresses: (name, family) => {
      const all = find(name).addresses ?? [];
      return Promise.resolve(family === undefined ? all : all.filter((address) => isIP(address) === family));
    },
  };
}

/** DNS names compare without regard to case, and mean the same with a dot at the end. */
export function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.endsWith(".") ? lower.slice(0, -1) : lower;
}
