import { isIPv6 } from "node:net";
import type { Params } from "./params.ts";
import { bareHost, type SipUri, type TelUri, type Uri, unescapeUnreserved } from "./uri.ts";

/** Parameters that must match when either URI has one. RFC 3261 §19.1.4. */
const STRICT_PARAMS = ["user", "ttl", "method", "maddr", "transport"] as const;

/** Equality of two URIs: RFC 3261 §19.1.4 for sip/sips, RFC 3966 §4 for tel, exact text otherwise. Not transitive. */
export function urisEqual(a: Uri, b: Uri): boolean {
  if (a.scheme === "other") return b.scheme === "other" && a.text === b.text;
  if (a.scheme === "tel") return b.scheme === "tel" && telEqual(a, b);
  return b.scheme !== "other" && b.scheme !== "tel" && sipEqual(a, b);
}

function sipEqual(a: SipUri, b: SipUri): boolean {
  return (
    a.scheme === b.scheme &&
    same(a.user, b.user) &&
    same(a.password, b.password) &&
    canonicalHost(a.host) === canonicalHost(b.host) &&
    a.port === b.port &&
    paramsEqual(a.params, b.params) &&
    headersEqual(a, b)
  );
}

function paramsEqual(a: Params, b: Params): boolean {
  for (const name of STRICT_PARAMS) {
    if (a.has(name) !== b.has(name)) return false;
  }
  for (const [name, value] of a) {
    const other = b.get(name);
    if (other !== undefined && lower(value) !== lower(other)) return false;
  }
  return true;
}

function headersEqual(a: SipUri, b: SipUri): boolean {
  const key = (uri: SipUri): string =>
    uri.headers
      .map(([name, value]) => `${unescapeUnreserved(name).toLowerCase()}=${unescapeUnreserved(value)}`)
      .sort()
      .join("&");
  return key(a) === key(b);
}

function telEqual(a: TelUri, b: TelUri): boolean {
  if (digits(a.number) !== digits(b.number) || a.params.size !== b.params.size) return false;
  for (const [name, value] of a.params) {
    const other = b.params.get(name);
    if (other === undefined || telParam(name, value) !== telParam(name, other)) return false;
  }
  return true;
}

/** A parameter value in one spelling; separators mean nothing in the two that hold a number. RFC 3966 §3, §4. */
function telParam(name: string, value: string | null): string {
  const isNumber = name === "ext" || (name === "phone-context" && value?.startsWith("+") === true);
  return isNumber ? digits(value ?? "") : lower(value);
}

/** RFC 3966 §3: visual separators mean nothing. */
function digits(number: string): string {
  return number.replace(/[-.()]/g, "").toLowerCase();
}

/** One spelling for the host: lower case, IPv6 in its RFC 5952 form with brackets. RFC 5954 §4.2. */
export function canonicalHost(host: string): string {
  const bare = bareHost(host);
  // A zone (`%eth0`) is no part of a URI; it has no canonical form either.
  if (!isIPv6(bare) || bare.includes("%")) return host.toLowerCase();
  return new URL(`http://[${bare}]/`).hostname;
}

function lower(value: string | null): string {
  return value === null ? "" : unescapeUnreserved(value).toLowerCase();
}

/** `%41` equals `A`, but an escaped reserved character is not the bare one. */
function same(a: string | undefined, b: string | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && unescapeUnreserved(a) === unescapeUnreserved(b));
}
