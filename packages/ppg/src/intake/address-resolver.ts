import { PapError, papCodes, parsePapAddress, uriOf, type WapPushAddress } from "@sip-push/pap";
import { type RecipientUri, recipientUri } from "./recipient-uri.ts";

/** What an address-value stands for. */
export type ResolvedAddress =
  | { readonly address: string; readonly recipient: RecipientUri }
  | { readonly address: string; readonly problem: AddressProblem };

/** Why nobody can be reached at an address. */
export interface AddressProblem {
  readonly papCode: typeof papCodes.addressError | typeof papCodes.forbidden;
  readonly reason: string;
}

interface Rule {
  readonly before: string;
  readonly after: string;
  /** The value goes into the user part, where some characters need an escape. */
  readonly isUser: boolean;
}

const PLACE = "{value}";
/** RFC 3261 §25.1: user-unreserved and unreserved; all else is escaped. `%` is escaped too. */
const USER_UNSAFE = /[^A-Za-z0-9\-_.!~*'()&=+$,;?/]/g;

/** What may take the place of a host or a number: nothing that ends it, so that only the rule says what stands around it. */
const HOST_OR_NUMBER = /^[A-Za-z0-9.+*#_-]+$/;

/** Finds the SIP or tel URI that a PAP address stands for. Pure. */
export class AddressResolver {
  readonly #domains: ReadonlySet<string>;
  readonly #rules: ReadonlyMap<string, Rule>;
  readonly #telDomain: string | undefined;

  /**
   * @param domains of WAPPUSH addresses that are ours.
   * @param rules URI by address type, with `{value}` in it.
   * @param telDomain where requests for tel URIs go.
   * @throws {RangeError} for a rule that makes no URI, or for no domain.
   */
  constructor(domains: readonly string[], rules: Readonly<Record<string, string>>, telDomain?: string) {
    if (domains.length === 0) throw new RangeError("domain must name one at least");
    this.#domains = new Set(domains.map((domain) => domain.toLowerCase()));
    this.#rules = new Map(Object.entries(rules).map(([type, rule]) => [type.toLowerCase(), compile(type, rule)]));
    this.#telDomain = telDomain;
  }

  resolve(address: string): ResolvedAddress {
    const recipient = this.#recipientOf(address);
    return typeof recipient === "string"
      ? { address, problem: { papCode: papCodes.addressError, reason: recipient } }
      : { address, recipient };
  }

  /** What a delivery to an address is kept by, and found: the URI that the address stands for; itself when it stands for none. */
  recipientOf(address: string): string {
    const resolved = this.resolve(address);
    return "recipient" in resolved ? resolved.recipient.requestUri : address;
  }

  /** The recipient, or what is wrong. */
  #recipientOf(text: string): RecipientUri | string {
    let address: ReturnType<typeof parsePapAddress>;
    try {
      address = parsePapAddress(text);
    } catch (error) {
      if (error instanceof PapError) return error.problem;
      throw error;
    }
    if (address.kind === "wappush" && address.ppg !== null && !this.#domains.has(address.ppg)) {
      return `${address.ppg.slice(0, 80)} is not this gateway`;
    }
    const uri = uriOf(address)?.uri;
    return uri === undefined ? this.#mapped(address as WapPushAddress) : recipientUri(uri, this.#telDomain);
  }

  #mapped({ type, value }: WapPushAddress): RecipientUri | string {
    const rule = this.#rules.get(type.toLowerCase());
    if (rule === undefined) return `addresses of type ${type} are not served`;
    const text = rule.before + (rule.isUser ? escapeUser(value) : value) + rule.after;
    const recipient = recipientUri(text, this.#telDomain);
    if (typeof recipient === "string" || rule.isUser || type === "IPv6" || HOST_OR_NUMBER.test(value)) return recipient;
    return "is no host and no number";
  }
}

function compile(type: string, rule: string): Rule {
  const [before, after, ...more] = rule.split(PLACE);
  if (before === undefined || after === undefined || more.length > 0) {
    throw new RangeError(`addressRules.${type} must hold ${PLACE} once`);
  }
  const isUser = after.includes("@");
  const problem = recipientUri(before + sampleFor(before, isUser) + after);
  if (typeof problem === "string") throw new RangeError(`addressRules.${type} makes no URI: ${problem}`);
  return { before, after, isUser };
}

/** A value that proves the rest of a rule. */
function sampleFor(before: string, isUser: boolean): string {
  if (isUser || before.endsWith("+")) return "1";
  if (before.toLowerCase().startsWith("tel:")) return "+1";
  return before.endsWith("[") ? "::1" : "192.0.2.1";
}

/** UTF-8, each octet that may not stand in a user part as `%xx`. */
function escapeUser(value: string): string {
  if (value.search(USER_UNSAFE) < 0) return value;
  return [...Buffer.from(value, "utf8")]
    .map((octet) => {
      const character = String.fromCharCode(octet);
      return octet < 0x80 && character.search(USER_UNSAFE) < 0
        ? character
        : `%${octet.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
