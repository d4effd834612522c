import { networkInterfaces } from "node:os";
import {
  bareHost,
  canonicalHost,
  decodeText,
  encodeText,
  hostInUri,
  isNumericHost,
  type ListenAddress,
  parseHostPort,
  SipParseError,
  type SipUri,
  type TelUri,
  type Uri,
} from "@sip-push/sip";
import { ProxyConfigError } from "./errors.ts";

/** An address-of-record in the one form that the location store knows it by. RFC 3261 §10.3 (5). */
export interface Aor {
  /** Unicode, without escapes. */
  readonly user: string;
  /** One of the domains served. */
  readonly domain: string;
  /** `sip:user@domain` */
  readonly uri: string;
}

/** Which URIs mean this proxy, and which the users that live here. */
export class Domains {
  /** Stands for the proxy's own addresses: `sip:alice@127.0.0.1:5060` is `sip:alice@<primary>`. */
  readonly primary: string;
  readonly #domains: ReadonlySet<string>;
  readonly #ports = new Set<number>();
  /** Own addresses, in their canonical form for URIs. */
  readonly #hosts = new Set<string>();

  /**
   * @param domains names or addresses, the main one first; none: the first listening address is the only domain.
   * @throws {ProxyConfigError} PROXY_BAD_DOMAIN.
   */
  constructor(domains: readonly string[], listening: readonly ListenAddress[]) {
    for (const { address, port } of listening) {
      this.#ports.add(port);
      for (const own of ownAddresses(address)) this.#hosts.add(canonicalHost(hostInUri(own)));
    }
    const names = domains.length > 0 ? checkDomains(domains) : [...this.#hosts].slice(0, 1);
    this.primary = names[0] ?? "localhost";
    this.#domains = new Set(names);
  }

  /**
   * True for a URI whose host and port lead here: a domain served, or an address that is listened on. A name counts with
   * any port; for an address the port tells the elements of one machine apart.
   */
  isHere(uri: SipUri): boolean {
    const host = canonicalHost(uri.host);
    if (!isNumericHost(host)) return this.#domains.has(host);
    if (uri.port === undefined && this.#domains.has(host)) return true;
    const port = uri.port ?? (uri.scheme === "sips" ? 5061 : 5060);
    return this.#ports.has(port) && (this.#hosts.has(host) || this.#domains.has(host));
  }

  /** True when the user or service that the URI names is looked up here. A telephone number without a domain is. */
  isResponsibleFor(uri: Uri): uri is SipUri | TelUri {
    return uri.scheme === "tel" || (uri.scheme !== "other" && this.isHere(uri));
  }

  /** The address-of-record that a URI here names, or undefined when it names no user. */
  aorOf(uri: SipUri | TelUri): Aor | undefined {
    const user = userOf(uri);
    if (user === undefined || user === "") return undefined;
    const host = uri.scheme === "tel" ? this.primary : canonicalHost(uri.host);
    const domain = this.#domains.has(host) ? host : this.primary;
    return { user, domain, uri: aorUri(user, domain) };
  }
}

/** Octets that stand unescaped in a user part. RFC 3261 §25.1 user. */
const ESCAPED = /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/g;

/** `sip:user@domain`, with what the grammar wants escaped. */
export function aorUri(user: string, domain: string): string {
  const escaped = encodeText(user).replace(
    ESCAPED,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  return `sip:${escaped}@${domain}`;
}

/** User part as Unicode without escapes; a telephone number without its visual separators (RFC 3966 §3). */
function userOf(uri: SipUri | TelUri): string | undefined {
  if (uri.scheme === "tel") return withoutSeparators(uri.number);
  if (uri.user === undefined) return undefined;
  const octets = uri.user.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  const user = decodeText(octets);
  // RFC 3261 §19.1.6: the number may carry tel parameters.
  return uri.params.get("user")?.toLowerCase() === "phone" ? withoutSeparators(user.split(";")[0] as string) : user;
}

function withoutSeparators(number: string): string {
  return number.replace(/[-.()]/g, "");
}

/**
 * The domains in their canonical form.
 *
 * @throws {ProxyConfigError} PROXY_BAD_DOMAIN naming every one that is none.
 */
export function checkDomains(domains: readonly string[]): string[] {
  const problems: string[] = [];
  const names = domains.map((domain) => {
    try {
      const { host, port } = parseHostPort(hostInUri(domain.trim()), "domain");
      if (port === undefined) return canonicalHost(host);
      problems.push(`domain "${domain}": a domain has no port`);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      problems.push(`"${domain}" is no domain name`);
    }
    return "";
  });
  if (problems.length > 0) throw new ProxyConfigError("PROXY_BAD_DOMAIN", problems);
  return names;
}

/** What an address to bind to stands for: itself, or all of this machine. */
function ownAddresses(address: string): string[] {
  const bare = bareHost(address);
  if (bare !== "0.0.0.0" && bare !== "::") return [bare];
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const family = bare === "0.0.0.0" ? "IPv4" : undefined;
  return all.filter((entry) => family === undefined || entry.family === family).map((entry) => entry.address);
}
