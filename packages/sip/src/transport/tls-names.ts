import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { canonicalHost } from "../message/index.ts";

/** The parts of a certificate that say whose it is, as `tls.PeerCertificate` has them. */
export interface CertificateNames {
  readonly subject?: { readonly CN?: string | string[] };
  /** `DNS:a.example, URI:sip:a.example, IP Address:192.0.2.1`; values with special characters are JSON strings. */
  readonly subjectaltname?: string | undefined;
}

const ALTERNATIVE = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/;
const SIP_DOMAIN = /^sip:([^@;?:[\]]+|\[[^\]]*\])(?::[0-9]*)?(?:[;?][^@]*)?$/i;

/**
 * The SIP domain identities in a certificate, in lower case: hosts of `sip:` URIs without a user in subjectAltName; if
 * there is none of these, its DNS names; if there is no subjectAltName at all, the common name. RFC 5922 §7.1.
 */
export function sipIdentities(certificate: CertificateNames): string[] {
  const alternatives = alternativeNames(certificate.subjectaltname);
  if (alternatives === undefined) return [certificate.subject?.CN ?? []].flat().map(canonicalName);
  const hosts = valuesOf(alternatives, "URI").flatMap((uri) => SIP_DOMAIN.exec(uri)?.[1] ?? []);
  return (hosts.length > 0 ? hosts : valuesOf(alternatives, "DNS")).map(canonicalName);
}

/**
 * Whether a certificate stands for `serverName`: equal to one of its identities as a DNS name, without wildcards
 * (RFC 5922 §7.2).
 *
 * Beyond RFC 5922 §7.1, which knows domains only: an IP address is also looked for among the iPAddress entries, as RFC 2818
 * §3.1 does, so that a proxy given by its address can be verified at all.
 */
export function certifies(certificate: CertificateNames, serverName: string): boolean {
  const wanted = canonicalName(serverName);
  if (sipIdentities(certificate).includes(wanted)) return true;
  if (isIP(serverName) === 0) return false;
  const addresses = valuesOf(alternativeNames(certificate.subjectaltname) ?? [], "IP Address");
  return addresses.some((address) => canonicalName(address) === wanted);
}

type Alternative = readonly [type: string, value: string];

/** Undefined without the extension. Text that is not as Node writes it certifies nothing, rather than something else. */
function alternativeNames(text: string | undefined): Alternative[] | undefined {
  if (text === undefined || text === "") return undefined;
  const found: Alternative[] = [];
  const pattern = new RegExp(ALTERNATIVE, "y");
  while (pattern.lastIndex < text.length) {
    const match = pattern.exec(text);
    const value = unquoted(match?.[2] ?? "");
    if (match?.[1] === undefined || value === undefined) return [];
    found.push([match[1], value]);
  }
  return found;
}

function unquoted(value: string): string | undefined {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return undefined;
  }
}

function valuesOf(alternatives: readonly Alternative[], type: string): string[] {
  return alternatives.filter(([each]) => each === type).map(([, value]) => value);
}

/** What `domainToASCII` would cut off, leave out or decode: with it a text is no name, and equal to none. */
const NOT_IN_NAMES = /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/;

/** Domain names in A-labels (RFC 5280 §7.2), addresses in one spelling, both without case. */
export function canonicalName(name: string): string {
  if (isIP(name) !== 0) return canonicalHost(name);
  const ascii = NOT_IN_NAMES.test(name) ? "" : domainToASCII(name);
  // `0x7f.1` would become an address.
  return (ascii === "" || isIP(ascii) !== 0 ? name : ascii).toLowerCase();
}
