import { PushInputError } from "@sip-push/push";
import { parseUri, SipParseError, type SipUri, serializeUri, type TelUri, type Uri } from "@sip-push/sip";

/** Someone to push to. */
export interface Recipient {
  /** As the caller wrote it. */
  readonly to: string;
  /** Where the request goes: a `sip:` or `sips:` URI. */
  readonly requestUri: string;
  readonly secure: boolean;
}

/** How recipients are read. */
export interface RecipientOptions {
  /** Host part for `tel:` recipients, whose own URI says no domain. */
  readonly domain?: string;
}

/** Unreserved characters of a user part (RFC 3261 §25.1), and of a `tel:` parameter that may stand there unescaped. */
const USER_SAFE = /[A-Za-z0-9\-_.!~*'()&=+$,;?/%]/;

/**
 * Reads a recipient: a `sip:` or `sips:` URI, also with an IPv6 literal, or a `tel:` URI, which becomes
 * `sip:<number>@<domain>;user=phone`.
 *
 * @param field what to name in an error, such as `to[2]`.
 * @throws {PushInputError} PUSH_BAD_RECIPIENT.
 */
export function parseRecipient(text: string, field: string, options: RecipientOptions = {}): Recipient {
  const uri = uriOf(text, field);
  if (uri.scheme === "other") {
    throw bad(field, `${JSON.stringify(text)} is no URI to push to; write a sip:, sips: or tel: URI`);
  }
  if (uri.scheme === "tel") return { to: text, requestUri: telRequestUri(uri, field, options.domain), secure: false };
  // RFC 3261 §19.1.1 table 1: a Request-URI has neither.
  if (uri.headers.length > 0) throw bad(field, "holds header fields (? …), which cannot be pushed to");
  if (uri.params.has("method")) throw bad(field, "holds a method parameter, which cannot be pushed to");
  return { to: text, requestUri: text.trim(), secure: uri.scheme === "sips" };
}

function uriOf(text: string, field: string): Uri {
  try {
    return parseUri(text.trim(), field);
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    const problem = error.message.slice(error.field.length + 2);
    throw new PushInputError("PUSH_BAD_RECIPIENT", field, problem, { cause: error });
  }
}

/** RFC 3261 §19.1.6: number without visual separators, then the parameters in order, all in the user part. */
function telRequestUri({ number, params }: TelUri, field: string, domain: string | undefined): string {
  if (domain === undefined) throw bad(field, "a tel: URI needs the domain to send it to (option domain)");
  if (!number.startsWith("+") && !params.has("phone-context")) {
    throw bad(field, "a local telephone number needs a phone-context (RFC 3966 §5.1.4)");
  }
  const rank = (name: string): string => (name === "isub" || name === "ext" ? `0${name}` : `1${name}`);
  const ordered = [...params].sort(([a], [b]) => (rank(a) < rank(b) ? -1 : 1));
  const suffix = ordered
    .map(([name, value]) => (value === null ? `;${name}` : `;${name}=${value.toLowerCase()}`))
    .join("");
  const user = [...number.replace(/[-.()]/g, ""), ...suffix]
    .map((c) => (USER_SAFE.test(c) ? c : percentEncoded(c)))
    .join("");
  return `sip:${user}@${domain};user=phone`;
}

/** Whether requests to `hop` leave over TLS. RFC 3261 §26.2.2. */
export function isSecureHop(hop: SipUri): boolean {
  const transport = hop.params.get("transport")?.toLowerCase();
  return hop.scheme === "sips" || transport === "tls" || transport === "wss";
}

/** A `sip:` or `sips:` URI given as an option. @throws {PushInputError} PUSH_BAD_OPTION naming the option. */
export function parseSipOption(text: string, option: string): SipUri {
  try {
    const uri = parseUri(text, option);
    if (uri.scheme === "sip" || uri.scheme === "sips") return uri;
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    throw new PushInputError("PUSH_BAD_OPTION", option, error.message.slice(error.field.length + 2), { cause: error });
  }
  throw new PushInputError("PUSH_BAD_OPTION", option, `${JSON.stringify(text)} is no sip: or sips: URI`);
}

/** The Request-URI for a Contact of a redirection: without header fields and method. RFC 3261 §19.1.1 table 1. */
export function requestUriOf(uri: SipUri): string {
  const params = new Map(uri.params);
  params.delete("method");
  return serializeUri({ ...uri, params, headers: [] });
}

function bad(field: string, problem: string): PushInputError {
  return new PushInputError("PUSH_BAD_RECIPIENT", field, problem);
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}
