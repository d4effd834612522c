import type { TLSSocket } from "node:tls";

/** What an Authorization field holds. `unknown`: another scheme, or not what its scheme says. */
export type Credentials =
  | { readonly scheme: "basic"; readonly user: string; readonly password: string }
  | { readonly scheme: "bearer"; readonly token: string }
  | { readonly scheme: "unknown" };

const FORM = /^([A-Za-z]+) +([A-Za-z0-9+/._~-]+=*) *$/;
const unknown: Credentials = { scheme: "unknown" };

/** Reads an Authorization field: Basic (RFC 7617, in UTF-8) or Bearer (RFC 6750 §2.1). */
export function parseAuthorization(field: string): Credentials {
  const match = FORM.exec(field);
  const value = match?.[2];
  if (match?.[1] === undefined || value === undefined) return unknown;
  const scheme = match[1].toLowerCase();
  if (scheme === "bearer") return { scheme, token: value };
  if (scheme !== "basic") return unknown;
  const text = Buffer.from(value, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return unknown;
  return { scheme, user: text.slice(0, colon), password: text.slice(colon + 1) };
}

const ALTERNATIVE = /([^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;
const SIP_DOMAIN = /^sip:([^@;?:[\]]+)(?::[0-9]*)?(?:[;?][^@]*)?$/i;

/**
 * Names that a client proved by its certificate, in lower case: DNS names and URIs in subjectAltName, and the domains of `sip:`
 * URIs there (RFC 5922 §7.1). None when it showed none, or one that no authority of ours vouches for.
 */
export function certifiedNames(socket: TLSSocket): readonly string[] {
  if (!socket.authorized) return [];
  const { subjectaltname: text } = (socket.getPeerCertificate() as { subjectaltname?: string } | null) ?? {};
  return text === undefined ? [] : namesIn(text);
}

/** @param text as Node writes it: `DNS:a.example, URI:sip:a.example`; one that it would not write has no names. */
export function namesIn(text: string): readonly string[] {
  const names: string[] = [];
  ALTERNATIVE.lastIndex = 0;
  for (let at = 0; at < text.length; at = ALTERNATIVE.lastIndex) {
    const match = ALTERNATIVE.exec(text);
    const value = unquoted(match?.[2] ?? "");
    if (match === null || value === undefined) return [];
    const [, type] = match;
    if (type === "DNS" || type === "URI") names.push(value.toLowerCase());
    const domain = type === "URI" ? SIP_DOMAIN.exec(value)?.[1] : undefined;
    if (domain !== undefined) names.push(domain.toLowerCase());
  }
  return names;
}

/** Values with special characters are JSON strings. */
function unquoted(value: string): string | undefined {
  if (!value.startsWith('"')) return value;
  try {
    return JSON.parse(value) as string;
  } catch {
    return undefined;
  }
}
