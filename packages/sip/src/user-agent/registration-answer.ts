import {
  type NameAddr,
  paramValue,
  parseNameAddr,
  parseSeconds,
  parseUri,
  type SipHeaders,
  SipParseError,
  type SipResponse,
  type SipUri,
  urisEqual,
} from "../message/index.ts";
import type { SendOutcome } from "./request-sender.ts";

/** The binding to look for in a registrar's answer. */
export interface OwnBinding {
  readonly contact: SipUri;
  readonly instanceId?: string | undefined;
  /** Undefined when the registration was made without outbound. */
  readonly regId: number | undefined;
  /** Asked for; counts when the answer says no time. */
  readonly expiresSeconds: number;
}

/** What a registrar gave with its 2xx. */
export interface Grant {
  readonly expiresSeconds: number;
  /** Require: outbound was there: requests come on the flow that we registered on. RFC 5626 §4.2.1. */
  readonly outbound: boolean;
  /** Route set for requests of this user, name-addrs in order. RFC 3608 §6.1. */
  readonly serviceRoute: readonly string[];
  /** URIs of this user, the default one first. RFC 7315 §4.1. */
  readonly associatedUris: readonly string[];
  readonly publicGruu: string | undefined;
  readonly temporaryGruu: string | undefined;
}

/** Reads a 2xx; undefined when our contact is not among those that it lists. RFC 3261 §10.2.4. */
export function grantOf({ headers }: SipResponse, ours: OwnBinding): Grant | undefined {
  const contact = ownContact(headers, ours);
  if (contact === undefined) return undefined;
  const { params } = contact;
  const expires = secondsOf(paramValue(params, "expires") ?? headers.get("Expires")) ?? ours.expiresSeconds;
  return {
    expiresSeconds: expires,
    outbound: ours.regId !== undefined && headers.list("Require").some((tag) => tag.toLowerCase() === "outbound"),
    // RFC 3608 §6: sip or sips URIs; no request could leave towards another.
    serviceRoute: headers.list("Service-Route").filter((route) => {
      const scheme = tryNameAddr(route, "Service-Route")?.uri.scheme;
      return scheme === "sip" || scheme === "sips";
    }),
    associatedUris: headers.list("P-Associated-URI").flatMap((text) => {
      const uri = tryNameAddr(text, "P-Associated-URI")?.uriText;
      return uri === undefined ? [] : [uri];
    }),
    publicGruu: gruuOf(params, "pub-gruu"),
    temporaryGruu: gruuOf(params, "temp-gruu"),
  };
}

/** True when a REGISTER got no answer: silence, or a flow that could not be made or ended. */
export function hasNoAnswer(outcome: SendOutcome): boolean {
  return outcome.kind === "failure" && (outcome.code === "SIP_TIMEOUT" || outcome.code === "SIP_TRANSPORT");
}

/** Why a registration failed, for people. */
export function refusalOf(outcome: SendOutcome | undefined): { sipStatus: number | null; reason: string } {
  if (outcome?.kind !== "response") return { sipStatus: null, reason: outcome?.reason ?? "not sent" };
  const { statusCode, reason } = outcome.response;
  return statusCode < 300
    ? { sipStatus: statusCode, reason: "the registrar's answer does not list our contact" }
    : { sipStatus: statusCode, reason };
}

/** Least time that a 423 asks for, in seconds. RFC 3261 §20.23. Undefined when it does not say. */
export function minExpires({ headers }: SipResponse): number | undefined {
  return secondsOf(headers.get("Min-Expires"));
}

/**
 * Ours is the one of our instance and reg-id (RFC 5626 §6), else the one of our URI: two flows of one device may well have the
 * same Contact URI, so that one of another flow is not ours.
 */
function ownContact(headers: SipHeaders, ours: OwnBinding): NameAddr | undefined {
  const contacts = headers.list("Contact").flatMap((text) => tryNameAddr(text, "Contact") ?? []);
  const named = contacts.find(({ params }) => isInstance(params, ours) && regIdOf(params) === ours.regId);
  if (named !== undefined) return named;
  return contacts.find(({ params, uri }) => {
    // A registrar that knows nothing of outbound may leave reg-id out, or the instance as well.
    const other = regIdOf(params) !== undefined && regIdOf(params) !== ours.regId;
    return !other && (isInstance(params, ours) || urisEqual(uri, ours.contact));
  });
}

function isInstance(params: NameAddr["params"], { instanceId }: OwnBinding): boolean {
  return instanceId !== undefined && paramValue(params, "+sip.instance") === `<${instanceId}>`;
}

function regIdOf(params: NameAddr["params"]): number | undefined {
  const text = paramValue(params, "reg-id");
  return text === undefined ? undefined : Number(text);
}

/** RFC 5627 §4.2: a URI with `gr`, taken as it is. What is none is no GRUU. */
function gruuOf(params: NameAddr["params"], name: string): string | undefined {
  const text = paramValue(params, name);
  if (text === undefined) return undefined;
  try {
    const uri = parseUri(text, name);
    return (uri.scheme === "sip" || uri.scheme === "sips") && uri.params.has("gr") ? text : undefined;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]+$/.test(text) ? parseSeconds(text, "expires") : undefined;
}

function tryNameAddr(text: string, field: string): NameAddr | undefined {
  try {
    return parseNameAddr(text, field);
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
