import { parseRecipient } from "@sip-push/sender";
import { canonicalHost, parseUri, SipParseError, type SipUri, type TelUri } from "@sip-push/sip";

/** Someone to push to, in one spelling. */
export interface RecipientUri {
  /** SIP, SIPS or tel URI. */
  readonly uri: string;
  /** The same without its parameters, of a tel URI but for its context: who it is. */
  readonly bare: string;
  /** Where the request goes: `uri`, or the SIP URI that a tel URI is sent as. */
  readonly requestUri: string;
}

/** URI parameters that say where a request is to go or what it is to be: that is not for a push initiator to say. */
const STEERING: readonly string[] = ["maddr", "ttl", "method", "lr"];
/** Parameters whose values mean the same in any case. RFC 3261 §19.1.4. */
const CASELESS: readonly string[] = ["user", "transport"];
const ESCAPE = /%([0-9A-Fa-f]{2})/g;
const UNRESERVED = /[A-Za-z0-9\-_.!~*'()]/;

/**
 * Reads a SIP, SIPS or tel URI and gives it in its one spelling (RFC 3261 §19.1.4, RFC 3966 §4): scheme and host in lower
 * case, escapes only where they are needed, parameters by name, telephone numbers without separators.
 *
 * @param telDomain where requests for tel URIs go; without one nobody knows, and the sender says so.
 * @returns what is wrong with it, when it is nothing to push to.
 */
export function recipientUri(text: string, telDomain?: string): RecipientUri | string {
  try {
    const uri = parseUri(text, "recipient");
    if (uri.scheme === "other") return "is no SIP, SIPS or tel URI";
    return uri.scheme === "tel" ? ofTel(uri, telDomain) : ofSip(uri);
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    return error.message.slice(error.field.length + 2);
  }
}

function ofSip(uri: SipUri): RecipientUri | string {
  if (uri.headers.length > 0) return "holds header fields";
  if (uri.password !== undefined) return "holds a password";
  const user = uri.user === undefined ? "" : `${inOneSpelling(uri.user)}@`;
  const port = uri.port === undefined ? "" : `:${uri.port}`;
  const bare = `${uri.scheme}:${user}${canonicalHost(uri.host)}${port}`;
  if (uri.params.size === 0) return { uri: bare, bare, requestUri: bare };
  const steering = STEERING.find((name) => uri.params.has(name));
  if (steering !== undefined) return `holds the parameter ${steering}`;
  const whole = bare + parametersOf(uri.params);
  return { uri: whole, bare, requestUri: whole };
}

/** RFC 3966 §5.1.4: a local number needs its context, and is nobody without it. */
function ofTel({ number, params }: TelUri, domain: string | undefined): RecipientUri | string {
  const digits = number.replace(/[-.()]/g, "").toLowerCase();
  const context = params.get("phone-context")?.toLowerCase();
  const isGlobal = digits.startsWith("+");
  if (!isGlobal && context === undefined) return "is a local number without a phone-context";
  if (isGlobal && context !== undefined) return "is a global number with a phone-context";
  const bare = `tel:${digits}${isGlobal ? "" : `;phone-context=${context}`}`;
  const uri = params.size === 0 ? bare : `tel:${digits}${parametersOf(params, true)}`;
  if (domain === undefined) return { uri, bare, requestUri: uri };
  const sent = recipientUri(parseRecipient(uri, "recipient", { domain }).requestUri);
  return typeof sent === "string" ? sent : { uri, bare, requestUri: sent.uri };
}

function sipUriOf(text: string): SipUri | undefined {
  try {
    return parseUri(text, "recipient") as SipUri;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

/** RFC 3261 §19.1.1: the port of a URI without one. */
const DEFAULT_PORTS: Readonly<Record<string, number>> = { sip: 5060, sips: 5061 };

/**
 * What the URIs of one recipient have in common: two requests to the same key come to the same handset. That is how a core looks
 * for whom a request is (RFC 3261 §10.3 (5)): by scheme, user and host, escapes undone, no parameters; §19.1.4 tells apart by
 * `transport`, `user` and a written default port what no core does. What stays: `gr`, one handset of the user (RFC 5627 §3.2); other
 * ports, which lead to another element; an extension, behind which somebody else is; and sips, never to be taken for sip (§26.2.2).
 *
 * @param requestUri of a {@link RecipientUri}; what is none, as an address that nobody is at, is its own key.
 */
export function recipientKey(requestUri: string): string {
  const uri = /^sips?:/.test(requestUri) ? sipUriOf(requestUri) : undefined;
  if (uri === undefined) return requestUri;
  const { scheme, user = "", host, port, params } = uri;
  const name = user.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const isPhone = params.get("user") === "phone";
  const number = isPhone ? name.replace(/^[^;]*/, (digits) => digits.replace(/[-.()]/g, "")) : name;
  const handset = params.has("gr") ? `;gr=${params.get("gr")}` : "";
  return `${scheme}:${number}@${host}${port === undefined || port === DEFAULT_PORTS[scheme] ? "" : `:${port}`}${handset}`;
}

function parametersOf(params: ReadonlyMap<string, string | null>, isCaseless = false): string {
  const names = [...params.keys()].sort();
  return names
    .map((name) => {
      const value = params.get(name) ?? null;
      if (value === null) return `;${name.toLowerCase()}`;
      const lower = isCaseless || CASELESS.includes(name.toLowerCase());
      return `;${name.toLowerCase()}=${lower ? value.toLowerCase() : inOneSpelling(value)}`;
    })
    .join("");
}

/** `%41` is `A`; an escaped reserved character is not the bare one, and keeps its escape in upper case. */
function inOneSpelling(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(ESCAPE, (escape, hex: string) => {
    const character = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(character) ? character : escape.toUpperCase();
  });
}
