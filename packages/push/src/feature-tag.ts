import { paramValue, parseParams, type SipHeaders, SipParseError } from "@sip-push/sip";
import { normalizeApplicationId, parseApplicationId } from "./application-ids.ts";

/**
 * Media feature tag by which a Push Receiver agent says which applications it has, and a Push Sender agent asks for one.
 * OMA SIP Push; in the header form of RFC 3840 §9.
 */
export const PUSH_FEATURE_TAG = "+g.oma.pusheventapp";

/** The flags of RFC 3841 §6.1 on the feature set of an Accept-Contact. */
export interface AcceptContactFlags {
  /** Contacts that do not match are not tried. Default true. */
  readonly require?: boolean;
  /** Contacts that do not mention the feature do not match. Default true. */
  readonly explicit?: boolean;
}

/** RFC 3840 §9 token-nobang; everything else in a name is percent-encoded. */
const OUTSIDE_TOKEN = /[^A-Za-z0-9\-.*_+`'~]/g;

/**
 * The value of the feature tag with its quotes, `"push.syncml,syncml.dm"`: a parameter of Contact and Accept-Contact. One
 * tag lists all, because a tag may stand only once (RFC 3840 §9).
 *
 * @param applicationIds any spelling; the value has the short names.
 * @throws {PushInputError} PUSH_BAD_APPLICATION_ID.
 */
export function serializeFeatureTagValue(applicationIds: readonly string[]): string {
  const names = new Set(applicationIds.map((id) => normalizeApplicationId(id).replace(OUTSIDE_TOKEN, percentEncoded)));
  return `"${[...names].join(",")}"`;
}

/** The Contact parameters of a receiver that has these applications; none for one without any. RFC 3840 §5. */
export function toContactParams(applicationIds: readonly string[]): Map<string, string | null> {
  return new Map(applicationIds.length === 0 ? [] : [[PUSH_FEATURE_TAG, serializeFeatureTagValue(applicationIds)]]);
}

/**
 * The applications that a feature tag value lists, as short names. Lenient: blanks, `<string>` values, URNs and numbers are
 * taken; negated (`!`) and numeric (`#`) values and what is no id are left out.
 *
 * @param value the parameter value with or without its quotes.
 */
export function parseFeatureTagValue(value: string): string[] {
  const list = value.startsWith('"') && value.endsWith('"') && value.length > 1 ? value.slice(1, -1) : value;
  const names = new Set<string>();
  for (const element of list.split(",")) {
    const text = element.trim();
    if (text === "" || text.startsWith("!") || text.startsWith("#")) continue;
    const bare = text.startsWith("<") && text.endsWith(">") ? text.slice(1, -1) : text;
    const name = parseApplicationId(bare.replace(/%([0-9A-Fa-f]{2})/g, fromPercent));
    if (name !== undefined) names.add(name);
  }
  return [...names];
}

/** The Accept-Contact of a push for one application: `*;+g.oma.pusheventapp="push.syncml";require;explicit`. RFC 3841 §9.2. */
export function serializeAcceptContact(applicationId: string, flags: AcceptContactFlags = {}): string {
  const { require = true, explicit = true } = flags;
  const tag = `*;${PUSH_FEATURE_TAG}=${serializeFeatureTagValue([applicationId])}`;
  return `${tag}${require ? ";require" : ""}${explicit ? ";explicit" : ""}`;
}

/** The applications that the Accept-Contact fields of a request ask for, in order. A malformed field says nothing. */
export function acceptContactApplications(headers: SipHeaders): string[] {
  const names = new Set<string>();
  for (const value of headers.list("Accept-Contact")) {
    for (const name of parseFeatureTagValue(pushFeatureOf(value))) names.add(name);
  }
  return [...names];
}

function pushFeatureOf(value: string): string {
  const semicolon = value.indexOf(";");
  if (semicolon < 0) return "";
  try {
    return paramValue(parseParams(value.slice(semicolon), "Accept-Contact"), PUSH_FEATURE_TAG) ?? "";
  } catch (error) {
    if (error instanceof SipParseError) return "";
    throw error;
  }
}

function percentEncoded(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

function fromPercent(_: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16));
}
