import { canonicalHost, decodeText, parseUri, SipParseError, type SipUri, type TelUri, type Uri } from "@sip-push/sip";

/**
 * One spelling of an address-of-record, to look it up by; RFC 3261 §10.3 (5): no parameters, escapes undone. `sip:` and
 * `sips:` name the same user (§19.1); so do `pres:` and `im:` at the same address (RFC 3861 §4).
 *
 * @param text URI, octet string.
 * @returns `sip:user@host[:port]` or `tel:number`; undefined for what names no user.
 */
export function aorKey(text: string | Uri): string | undefined {
  const uri = typeof text === "string" ? tryUri(text) : text;
  if (uri === undefined) return undefined;
  if (uri.scheme === "tel") return `tel:${withoutSeparators(uri.number)}${phoneContext(uri)}`;
  if (uri.scheme !== "other") return sipKey(uri);
  const address = /^(?:pres|im):([^?]*)/i.exec(uri.text)?.[1];
  return address === undefined ? undefined : aorKey(`sip:${address}`);
}

/** As {@link aorKey}; a server may have no user, and is known by its host then. */
export function partyKey(text: string | Uri): string | undefined {
  const uri = typeof text === "string" ? tryUri(text) : text;
  const key = uri && aorKey(uri);
  if (key !== undefined || (uri?.scheme !== "sip" && uri?.scheme !== "sips")) return key;
  return `sip:${hostKey(uri)}`;
}

/** The global telephone number that a URI stands for, as a `tel:` key. RFC 3261 §19.1.6. */
export function telephoneKey(text: string): string | undefined {
  const uri = tryUri(text);
  if (uri?.scheme === "tel") return uri.number.startsWith("+") ? aorKey(uri) : undefined;
  if (uri?.scheme !== "sip" && uri?.scheme !== "sips") return undefined;
  const number = withoutSeparators(userOf(uri)?.split(";")[0] ?? "");
  return uri.params.get("user")?.toLowerCase() === "phone" && /^\+[0-9]+$/.test(number) ? `tel:${number}` : undefined;
}

function sipKey(uri: SipUri): string | undefined {
  const user = userOf(uri);
  if (user === undefined || user === "") return undefined;
  const name = uri.params.get("user")?.toLowerCase() === "phone" ? withoutSeparators(user.split(";")[0] ?? "") : user;
  return `sip:${name}@${hostKey(uri)}`;
}

function hostKey({ host, port }: SipUri): string {
  return port === undefined ? canonicalHost(host) : `${canonicalHost(host)}:${port}`;
}

function userOf({ user }: SipUri): string | undefined {
  if (user === undefined) return undefined;
  const octets = user.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return decodeText(octets);
}

/** RFC 3966 §5.1.4: a local number means something only where its context says. */
function phoneContext({ number, params }: TelUri): string {
  const context = number.startsWith("+") ? undefined : params.get("phone-context");
  return context == null ? "" : `;phone-context=${context.toLowerCase()}`;
}

function withoutSeparators(number: string): string {
  return number.replace(/[-.()]/g, "").toLowerCase();
}

function tryUri(text: string): Uri | undefined {
  try {
    return parseUri(text.trim());
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
