import { lookup, Resolver as NodeResolver } from "node:dns/promises";
import { isIP } from "node:net";
import { SipLocateError } from "./errors.ts";
import { canonicalName, type NaptrRecord, type Resolver, type SrvRecord } from "./resolver.ts";

export interface SystemResolverOptions {
  /** Name servers (`192.0.2.53`, `[::1]:5353`) instead of the system's. */
  readonly servers?: readonly string[];
  /** How long one query may take before it is sent again. Default 2000. */
  readonly timeoutMs?: number;
  /** How often a query is sent. Default 2. */
  readonly tries?: number;
}

/** Answers that mean "no such record". The last is a name that cannot be in DNS at all. */
const NOTHING: ReadonlySet<string> = new Set(["ENOTFOUND", "ENODATA", "EBADNAME"]);

/**
 * DNS as this machine knows it. NAPTR and SRV go to the name servers; addresses to getaddrinfo, which reads /etc/hosts,
 * knows container names, and sorts by RFC 6724. With `servers` given, those are asked for addresses first.
 */
export function systemResolver(options: SystemResolverOptions = {}): Resolver {
  const { servers, timeoutMs = 2000, tries = 2 } = options;
  const dns = new NodeResolver({ timeout: timeoutMs, tries });
  if (servers !== undefined) dns.setServers(servers);
  const patienceMs = timeoutMs * tries;
  return {
    naptr: (name) => (isOutsideDns(name) ? Promise.resolve([]) : ask(name, () => naptrOf(dns, name))),
    srv: (name) => (isOutsideDns(hostOfService(name)) ? Promise.resolve([]) : ask(name, () => srvOf(dns, name))),
    addresses: async (name, family) => {
      if (topLabel(name) === "invalid") return [];
      const known = servers === undefined || isOutsideDns(name) ? [] : await fromServers(dns, name, family);
      return known.length > 0 ? known : ask(name, () => fromSystem(name, family, patienceMs));
    },
  };
}

async function naptrOf(dns: NodeResolver, name: string): Promise<NaptrRecord[]> {
  return dns.resolveNaptr(name);
}

async function srvOf(dns: NodeResolver, name: string): Promise<SrvRecord[]> {
  const records = await dns.resolveSrv(name);
  return records.map(({ name: target, priority, weight, port }) => ({ target, priority, weight, port }));
}

/** A server that fails here is no loss yet: getaddrinfo has its say after it. */
async function fromServers(dns: NodeResolver, name: string, family: 4 | 6 | undefined): Promise<string[]> {
  const none = (): string[] => [];
  const [six, four] = await Promise.all([
    family === 4 ? [] : dns.resolve6(name).catch(none),
    family === 6 ? [] : dns.resolve4(name).catch(none),
  ]);
  return [...six, ...four];
}

async function fromSystem(name: string, family: 4 | 6 | undefined, patienceMs: number): Promise<string[]> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${patienceMs} ms`)), patienceMs);
  });
  try {
    // getaddrinfo cannot be called off, only not waited for.
    const found = await Promise.race([lookup(name, { all: true, family: family ?? 0, order: "verbatim" }), timeout]);
    return [...new Set(found.map(({ address }) => address))];
  } finally {
    clearTimeout(timer);
  }
}

async function ask<T>(name: string, query: () => Promise<T[]>): Promise<T[]> {
  try {
    return await query();
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (NOTHING.has(code)) return [];
    throw new SipLocateError("SIP_DNS_FAILED", `DNS failed for ${name}${code === "" ? "" : ` (${code})`}`, {
      cause: error,
    });
  }
}

/**
 * Names that no name server can know more of than getaddrinfo does: an address, a single label (these queries use no search
 * list), localhost and invalid (RFC 6761 §6.3, §6.4; RFC 7118 clients call themselves so).
 */
function isOutsideDns(name: string): boolean {
  const top = topLabel(name);
  return isIP(name) !== 0 || !canonicalName(name).includes(".") || top === "localhost" || top === "invalid";
}

function topLabel(name: string): string {
  const canonical = canonicalName(name);
  return canonical.slice(canonical.lastIndexOf(".") + 1);
}

/** `_sip._udp.host` without its first two labels. */
function hostOfService(name: string): string {
  return name.replace(/^_[^.]*\._[^.]*\./, "");
}
