import { isIP } from "node:net";
import { onAbort } from "../abort.ts";
import { bareHost, isNumericHost, type SipUri, type Via } from "../message/index.ts";
import { type Target, type TransportName, transports } from "../transport/transport.ts";
import { SipLocateError } from "./errors.ts";
import { type NaptrRule, orderSrv, selectNaptr, usableSrv } from "./records.ts";
import { canonicalName, type Resolver, type SrvRecord } from "./resolver.ts";
import { defaultTransport, srvTransports, transportByParam, transportRecords } from "./transport-choice.ts";

export interface LocateOptions {
  readonly resolver: Resolver;
  /**
   * Transports that are open here, in order of preference. Leave UDP out for a request that is too large for it (RFC 3261
   * §18.1.1).
   */
  readonly supported: readonly TransportName[];
  /** For SRV weights; numbers in [0, 1). Default Math.random; a stateless proxy passes `() => 0` (RFC 3263 §4.4). */
  readonly random?: () => number;
  /** Only addresses of this family. Default both. */
  readonly family?: 4 | 6;
  /** Targets given at most. Default 32. */
  readonly maxTargets?: number;
  /** Stops waiting for DNS with SIP_ABORTED. */
  readonly signal?: AbortSignal;
}

/** NAPTR queries for one URI, so that records which point at each other come to an end. */
const MAX_NAPTR_QUERIES = 5;

/**
 * The target when no DNS is needed: a numeric host. Undefined when there is more to do, or to refuse: ask {@link locate}.
 * RFC 3263 §4.1, §4.2.
 */
export function locateNow(uri: SipUri, supported: readonly TransportName[]): Target | undefined {
  const host = uri.params.get("maddr") ?? uri.host;
  if (uri.port === 0 || !isNumericHost(host)) return undefined;
  const transport = transportByParam(uri, supported) ?? defaultTransport(uri, supported);
  if (transport === undefined || transport === "unsupported") return undefined;
  const port = uri.port ?? transports[transport].defaultPort;
  return { transport, address: bareHost(host), port, serverName: nameToVerify(uri) };
}

/**
 * Where to send a request for `uri`, in the order to try: RFC 3263 §4, RFC 7118 §5.5. Lazy: a name is looked up when the
 * targets before it have been used up. No target comes twice. `serverName` is the host of `uri`, whatever DNS made of it
 * (RFC 5922 §4).
 *
 * A NAPTR or SRV query that fails counts as one without records, as long as an address is found after it.
 *
 * Deviates from RFC 3403 §4.1: when all servers of the best NAPTR record failed, the next record is tried although its
 * order differs, because SIP uses the order to rank transports (RFC 3263 §4.1).
 *
 * @throws {SipLocateError} when there is no target at all.
 */
export async function* locate(uri: SipUri, options: LocateOptions): AsyncGenerator<Target, void, undefined> {
  const search = new Search(uri, options);
  const seen = new Set<string>();
  for await (const target of search.targets()) {
    const key = `${target.transport} ${target.address} ${target.port}`;
    if (seen.has(key)) continue;
    seen.add(key);
    yield target;
    if (seen.size === (options.maxTargets ?? 32)) return;
  }
  if (seen.size === 0) throw search.failure();
}

/**
 * The URI to locate for a response whose connection is gone: host and port of sent-by, transport of the Via. RFC 3263 §5.
 */
export function sentByUri(via: Via): SipUri {
  const params = new Map([["transport", via.transport.toLowerCase()]]);
  return { scheme: "sip", host: via.host, ...(via.port !== undefined && { port: via.port }), params, headers: [] };
}

class Search {
  readonly #uri: SipUri;
  readonly #options: LocateOptions;
  /** TARGET of RFC 3263 §4. */
  readonly #host: string;
  #dnsFailure: SipLocateError | undefined;

  constructor(uri: SipUri, options: LocateOptions) {
    this.#uri = uri;
    this.#options = options;
    this.#host = canonicalName(bareHost(uri.params.get("maddr") ?? uri.host));
  }

  failure(): SipLocateError {
    return this.#dnsFailure ?? new SipLocateError("SIP_HOST_NOT_FOUND", `${this.#host} has no address for SIP`);
  }

  async *targets(): AsyncGenerator<Target> {
    const { supported } = this.#options;
    const { port } = this.#uri;
    if (port === 0) throw new SipLocateError("SIP_HOST_NOT_FOUND", "port 0 cannot be reached");
    const wanted = transportByParam(this.#uri, supported);
    const transport = wanted ?? defaultTransport(this.#uri, supported);
    if (transport === undefined || transport === "unsupported") throw this.#unsupported();
    if (isIP(this.#host) !== 0 || port !== undefined) {
      yield* this.#byAddress(this.#host, transport, port ?? transports[transport].defaultPort);
    } else if (wanted !== undefined) {
      yield* this.#byDomain([transport], transport);
    } else {
      const found = yield* this.#byNaptr();
      if (!found) yield* this.#byDomain(srvTransports(this.#uri, supported), transport);
    }
  }

  /** RFC 3263 §4.1; returns whether there was a usable record. */
  async *#byNaptr(): AsyncGenerator<Target, boolean> {
    let first: TransportName | undefined;
    let served = false;
    for await (const { transport, name } of this.#naptrRules()) {
      first ??= transport;
      const records = (await this.#query(() => this.#options.resolver.srv(canonicalName(name)))) ?? [];
      served ||= records.length > 0;
      yield* this.#bySrv(records, transport);
    }
    if (first === undefined) return false;
    // RFC 3263 §4.2: no SRV records behind the NAPTR ones.
    if (!served) yield* this.#byAddress(this.#host, first, transports[first].defaultPort);
    return true;
  }

  async *#naptrRules(): AsyncGenerator<Extract<NaptrRule, { kind: "srv" }>> {
    const asked = new Set<string>();
    const { resolver, supported } = this.#options;
    const open: NaptrRule[] = [{ kind: "naptr", name: this.#host }];
    for (let rule = open.shift(); rule !== undefined; rule = open.shift()) {
      if (rule.kind === "srv") {
        yield rule;
        continue;
      }
      const name = canonicalName(rule.name);
      if (asked.has(name) || asked.size === MAX_NAPTR_QUERIES) continue;
      asked.add(name);
      const records = (await this.#query(() => resolver.naptr(name))) ?? [];
      open.unshift(...selectNaptr(records, this.#uri.scheme === "sips", supported));
    }
  }

  /** SRV of the domain itself for each transport, else its addresses. RFC 3263 §4.1, §4.2. */
  async *#byDomain(candidates: readonly TransportName[], fallback: TransportName): AsyncGenerator<Target> {
    let served = false;
    for (const transport of candidates) {
      const name = transportRecords[transport].srvPrefix + this.#host;
      const records = await this.#query(() => this.#options.resolver.srv(name));
      // A server that does not answer will not do so for the next transport either.
      if (records === undefined) break;
      served ||= records.length > 0;
      yield* this.#bySrv(records, transport);
    }
    if (!served) yield* this.#byAddress(this.#host, fallback, transports[fallback].defaultPort);
  }

  async *#bySrv(records: readonly SrvRecord[], transport: TransportName): AsyncGenerator<Target> {
    for (const { target, port } of orderSrv(usableSrv(records), this.#options.random ?? Math.random)) {
      yield* this.#byAddress(canonicalName(target), transport, port);
    }
  }

  async *#byAddress(host: string, transport: TransportName, port: number): AsyncGenerator<Target> {
    const { resolver, family } = this.#options;
    const numeric = isIP(host) !== 0;
    const addresses = numeric ? [host] : await this.#query(() => resolver.addresses(host, family));
    for (const address of addresses ?? []) {
      const version = isIP(address);
      if (version === 0 || (!numeric && family !== undefined && version !== family)) continue;
      yield { transport, address, port, serverName: nameToVerify(this.#uri) };
    }
  }

  /** The answer, or undefined when DNS failed, which is remembered for the case that nothing else is found. */
  async #query<T>(ask: () => Promise<readonly T[]>): Promise<readonly T[] | undefined> {
    try {
      return await unlessAborted(ask, this.#options.signal);
    } catch (error) {
      if (!(error instanceof SipLocateError) || error.code !== "SIP_DNS_FAILED") throw error;
      this.#dnsFailure ??= error;
      return undefined;
    }
  }

  #unsupported(): SipLocateError {
    const { scheme, params } = this.#uri;
    const asked = params.has("transport") ? `${scheme} with transport=${params.get("transport")}` : scheme;
    const open = this.#options.supported.join(", ") || "none";
    return new SipLocateError("SIP_TRANSPORT_UNSUPPORTED", `no transport for ${asked} (open: ${open})`);
  }
}

function nameToVerify(uri: SipUri): string {
  return canonicalName(bareHost(uri.host));
}

async function unlessAborted<T>(ask: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return ask();
  const aborted = (): SipLocateError => new SipLocateError("SIP_ABORTED", "aborted", { cause: signal.reason });
  if (signal.aborted) throw aborted();
  return new Promise<T>((resolve, reject) => {
    const stopWaiting = onAbort(signal, () => reject(aborted()));
    ask().then(resolve, reject).finally(stopWaiting);
  });
}
