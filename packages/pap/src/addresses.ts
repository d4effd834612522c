import { PapError } from "./errors.ts";
import { xmlSafe } from "./fragment.ts";
import { parseIpv4, parseIpv6 } from "./ip-addresses.ts";
import { isUriText, parseUriAddress } from "./uri-addresses.ts";

/** Address types of the PPG service, and those of bearers in WDP appendix C; a type may be another token too. */
export const addressTypes = [
  "PLMN",
  "USER",
  "IPv4",
  "IPv6",
  "GSM_MSISDN",
  "ANSI_136_MSISDN",
  "IS_637_MSISDN",
  "iDEN_MSISDN",
  "FLEX_MSISDN",
  "PHS_MSISDN",
  "GSM_Service_Code",
  "TETRA_ITSI",
  "TETRA_MSISDN",
  "ReFLEX_MSIDDN",
  "MAN",
] as const;
export type AddressType = (typeof addressTypes)[number];

/** `WAPPUSH=…/TYPE=…@…`. PPG service §7.1. */
export interface WapPushAddress {
  readonly kind: "wappush";
  /** One of `addressTypes`, spelled as there, or another token as written. */
  readonly type: AddressType | (string & {});
  /**
   * Without escapes. `PLMN`: `+` and digits, no separators. `IPv4`: dotted decimal. `IPv6`: eight groups of hexadecimal digits
   * in lower case. Other types: text, its case as written.
   */
  readonly value: string;
  /** `/KEYWORD=value` between value and type, in order; keywords as written. */
  readonly qualifiers: readonly (readonly [keyword: string, value: string])[];
  /** Domain of the gateway in lower case; null when it is left out, as MMS relays do (WAP-209 §8). */
  readonly ppg: string | null;
}

/** A URI in place of a WAPPUSH address. */
export interface UriAddress {
  readonly kind: "sip" | "sips" | "tel";
  /** As written, but for the scheme in lower case. */
  readonly uri: string;
}

/** Where a push goes: the value of `address-value`. */
export type PapAddress = WapPushAddress | UriAddress;

const MAX_ADDRESS_LENGTH = 1024;

const WAPPUSH = /^\/?WAPPUSH=(.*)$/is;
/** The gateway begins at the last `@`, which value and qualifiers can hold only escaped. */
const WITH_PPG = /^([^@]*?)\/?@([^@]+)$/s;
const DOMAIN = /^[0-9a-z](?:[0-9a-z-]*[0-9a-z])?(?:\.[0-9a-z](?:[0-9a-z-]*[0-9a-z])?)*$/i;
const TYPE = /^TYPE=([0-9a-z][0-9a-z_-]{0,31})$/i;
const QUALIFIER = /^([0-9a-z-]+)=([ -.0-<>-~]*)$/i;
/** escaped-value: alphanumeric, `+ - . _`, and all else as `%xx`. */
const ESCAPED = /^(?:[0-9A-Za-z+\-._]|%[0-9A-Fa-f]{2})+$/;
const PHONE_NUMBER = /^\+[0-9][0-9.-]*$/;

interface ValueForm {
  /** The value without escapes; undefined for one that is none. */
  parse(text: string): string | undefined;
  /** The value as it is written; a string that `parse` takes back. */
  serialize(value: string): string;
}

const asWritten = (value: string): string => value;

const valueForms: Readonly<Record<string, ValueForm>> = {
  // Separators are for the eye. The number is the international one.
  PLMN: { parse: (text) => (PHONE_NUMBER.test(text) ? text.replace(/[.-]/g, "") : undefined), serialize: asWritten },
  IPv4: { parse: parseIpv4, serialize: asWritten },
  IPv6: { parse: parseIpv6, serialize: asWritten },
};
const escapedForm: ValueForm = { parse: unescape, serialize: escape };

/**
 * Reads an `address-value`: a WAPPUSH address, or a `sip:`, `sips:` or `tel:` URI. Keywords and known types are taken in any case.
 *
 * @throws {PapError} PAP_BAD_ADDRESS (result code 2002).
 */
export function parsePapAddress(text: string): PapAddress {
  if (text.length > MAX_ADDRESS_LENGTH) throw badAddress(text, `has more than ${MAX_ADDRESS_LENGTH} characters`);
  const wappush = WAPPUSH.exec(text);
  if (wappush !== null) return parseWapPush(wappush[1] as string, text);
  const uri = parseUriAddress(text);
  if (uri === undefined) throw badAddress(text, "is no WAPPUSH address and no SIP, SIPS or tel URI");
  return uri;
}

function parseWapPush(specifier: string, text: string): WapPushAddress {
  const match = WITH_PPG.exec(specifier);
  if (match === null && specifier.includes("@")) throw badAddress(text, "has more than one @");
  const ppg = match === null ? null : (match[2] as string).toLowerCase();
  if (ppg !== null && !DOMAIN.test(ppg)) throw badAddress(text, "names no domain of a gateway");
  const [value, ...fields] = (match === null ? specifier : (match[1] as string)).split("/") as [string, ...string[]];
  const written = TYPE.exec(fields.at(-1) ?? "")?.[1];
  if (written === undefined) throw badAddress(text, "ends without a TYPE");
  const type = addressTypes.find((each) => each.toLowerCase() === written.toLowerCase()) ?? written;
  const qualifiers = fields.slice(0, -1).map((field) => {
    const qualifier = QUALIFIER.exec(field);
    if (qualifier === null || TYPE.test(field)) throw badAddress(text, `${JSON.stringify(field)} is no qualifier`);
    return [qualifier[1] as string, qualifier[2] as string] as const;
  });
  const parsed = formOf(type).parse(value);
  if (parsed === undefined) throw badAddress(text, `is none of type ${type}`);
  // It would become the name of a user otherwise.
  if (type === "USER" && isUriText(parsed) && parseUriAddress(parsed) === undefined) {
    throw badAddress(text, "holds a URI that cannot be pushed to");
  }
  return { kind: "wappush", type, value: parsed, qualifiers, ppg };
}

/**
 * Writes an address.
 *
 * @throws {PapError} PAP_BAD_VALUE for one that `parsePapAddress` would not read as the same.
 */
export function serializePapAddress(address: PapAddress): string {
  const text = address.kind === "wappush" ? writeWapPush(address) : address.uri;
  if (!isSame(text, address))
    throw new PapError("PAP_BAD_VALUE", `${JSON.stringify(text.slice(0, 80))} is not the address`);
  return text;
}

function writeWapPush({ type, value, qualifiers, ppg }: WapPushAddress): string {
  const fields = qualifiers.map(([keyword, each]) => `/${keyword}=${each}`).join("");
  const form = formOf(type);
  return `WAPPUSH=${form.serialize(value)}${fields}/TYPE=${type}${ppg === null ? "" : `@${ppg}`}`;
}

function isSame(text: string, address: PapAddress): boolean {
  try {
    return JSON.stringify(sorted(parsePapAddress(text))) === JSON.stringify(sorted(address));
  } catch {
    return false;
  }
}

function sorted(address: PapAddress): unknown[] {
  if (address.kind !== "wappush") return [address.kind, address.uri];
  return [address.kind, address.type, address.value, address.qualifiers, address.ppg];
}

/**
 * The URI that an address is, or that a `USER` address holds escaped: `WAPPUSH=sip%3Aalice%40example.com/TYPE=USER@…`. That
 * is how a SIP URI goes through a peer that knows WAPPUSH addresses only.
 *
 * @returns undefined for all other addresses: what they mean is for the gateway to configure.
 */
export function uriOf(address: PapAddress): UriAddress | undefined {
  if (address.kind !== "wappush") return address;
  return address.type === "USER" ? parseUriAddress(address.value) : undefined;
}

function formOf(type: string): ValueForm {
  return Object.hasOwn(valueForms, type) ? (valueForms[type] as ValueForm) : escapedForm;
}

function unescape(text: string): string | undefined {
  if (!ESCAPED.test(text)) return undefined;
  try {
    const value = decodeURIComponent(text);
    return /\p{Cc}/u.test(value) ? undefined : value;
  } catch {
    return undefined; // not UTF-8
  }
}

/** A lone surrogate, which has no UTF-8, becomes U+FFFD: the caller sees that it does not come back. */
function escape(value: string): string {
  return encodeURIComponent(value.toWellFormed()).replace(
    /[^0-9A-Za-z+\-._%]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function badAddress(text: string, problem: string): PapError {
  const badMessageFragment = xmlSafe(text.slice(0, 256));
  return new PapError("PAP_BAD_ADDRESS", `${JSON.stringify(text.slice(0, 80))} ${problem}`, {
    element: "address",
    attribute: "address-value",
    badMessageFragment,
  });
}
