import { type NameAddr, type Params, paramValue, parseNameAddr, type SipRequest, type SipUri } from "@sip-push/sip";

/** Lifetimes that the registrar grants, in seconds. RFC 3261 §10.3 (7). */
export interface ExpiresPolicy {
  /** When the request names none. Default 3600. */
  readonly defaultSeconds: number;
  /** Shorter ones are refused with 423. At most 3600, since an hour must be accepted. Default 10. */
  readonly minSeconds: number;
  /** Longer ones are cut to this. Default 86,400. */
  readonly maxSeconds: number;
}

export const defaultExpires: ExpiresPolicy = { defaultSeconds: 3600, minSeconds: 10, maxSeconds: 86_400 };

/** One Contact of a REGISTER. */
export interface RegisterContact {
  readonly contact: string;
  readonly uri: SipUri;
  /** Unicode. */
  readonly displayName: string | undefined;
  /** Header parameters without `expires`, and without GRUUs, which are not the user agent's to give (RFC 5627 §5.1). */
  readonly params: Params;
  readonly q: number;
  /** Granted lifetime; 0 asks for removal. */
  readonly expiresSeconds: number;
  readonly instance: string | undefined;
  /** As asked for; whether it counts is for RFC 5626 §6 to say. */
  readonly regId: number | undefined;
}

/** An answer that refuses a REGISTER. */
export interface RegisterRefusal {
  readonly statusCode: number;
  readonly reason?: string;
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
}

/** What a REGISTER asks for: to list, to remove all, or to set these contacts. */
export type RegisterIntent =
  | { readonly kind: "query" }
  | { readonly kind: "remove-all" }
  | { readonly kind: "update"; readonly contacts: readonly RegisterContact[] }
  | { readonly kind: "refused"; readonly refusal: RegisterRefusal };

/** Contacts in one REGISTER; more are refused. */
const MAX_CONTACTS = 32;
/** RFC 3261 §10.2.1.1: what a malformed `expires` means. */
const MALFORMED_EXPIRES_SECONDS = 3600;

/** Reads Contact and Expires. RFC 3261 §10.2.1, §10.2.2, §10.3 (6) and (7). */
export function readRegister(request: SipRequest, policy: ExpiresPolicy): RegisterIntent {
  const contacts = request.headers.list("Contact");
  const expires = request.headers.get("Expires");
  if (contacts.length === 0) return { kind: "query" };
  if (contacts.includes("*")) {
    return contacts.length === 1 && /^0+$/.test(expires ?? "")
      ? { kind: "remove-all" }
      : refused(400, "Contact: * goes alone and with Expires: 0");
  }
  if (contacts.length > MAX_CONTACTS) return refused(400, `more than ${MAX_CONTACTS} contacts`);
  const fallback = expires === undefined ? policy.defaultSeconds : secondsOf(expires);
  const read: RegisterContact[] = [];
  for (const text of contacts) {
    const contact = readContact(parseNameAddr(text, "Contact"), fallback, policy);
    if ("statusCode" in contact) return { kind: "refused", refusal: contact };
    read.push(contact);
  }
  return { kind: "update", contacts: read };
}

function readContact(address: NameAddr, fallback: number, policy: ExpiresPolicy): RegisterContact | RegisterRefusal {
  const { uri, displayName } = address;
  const params = new Map(address.params);
  const instance = paramValue(params, "+sip.instance");
  if (uri.scheme !== "sip" && uri.scheme !== "sips") {
    // RFC 5627 §5.1 names another answer for one that is to have a GRUU.
    return instance === undefined
      ? badRequest("a contact must be a sip or sips URI")
      : { statusCode: 403, reason: "Forbidden (a contact with an instance must be a sip or sips URI)" };
  }
  const asked = params.get("expires");
  for (const name of ["expires", "pub-gruu", "temp-gruu"]) params.delete(name);
  const wanted = asked === undefined ? fallback : secondsOf(asked ?? "");
  const { minSeconds, maxSeconds } = policy;
  // §10.3 (7): only what is shorter than an hour may be refused; `minSeconds` is never more than that.
  if (wanted > 0 && wanted < minSeconds) return { statusCode: 423, headers: [["Min-Expires", String(minSeconds)]] };
  const q = qOf(params.get("q"));
  if (q === undefined) return badRequest("q is not a number from 0 to 1");
  const regId = params.has("reg-id") ? regIdOf(params.get("reg-id")) : undefined;
  if (params.has("reg-id") && regId === undefined) return badRequest("reg-id is not a number from 1 to 2^31-1");
  const expiresSeconds = Math.min(wanted, maxSeconds);
  return { contact: address.uriText, uri, displayName, params, q, expiresSeconds, instance, regId };
}

function secondsOf(text: string): number {
  return /^[0-9]+$/.test(text) ? Math.min(Number(text), 0xffff_ffff) : MALFORMED_EXPIRES_SECONDS;
}

/** RFC 3261 §25.1 qvalue. */
function qOf(text: string | null | undefined): number | undefined {
  if (text === undefined) return 1;
  return text !== null && /^(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : undefined;
}

/** RFC 5626 §11.1. */
function regIdOf(text: string | null | undefined): number | undefined {
  const number = text != null && /^[0-9]{1,10}$/.test(text) ? Number(text) : 0;
  return number >= 1 && number <= 0x7fff_ffff ? number : undefined;
}

function badRequest(problem: string): RegisterRefusal {
  return { statusCode: 400, reason: `Bad Request (${problem})` };
}

function refused(statusCode: 400, problem: string): RegisterIntent {
  return { kind: "refused", refusal: { ...badRequest(problem), statusCode } };
}
