import { contactOf, detached } from "../dialog/index.ts";
import { parseMediaType, type ResponseInit, SipParseError, type SipRequest } from "../message/index.ts";
import { type EventHeader, eventOf, serializeAllowEvents } from "./event-header.ts";
import type { NotifierOptions } from "./notifier-options.ts";
import { secondsIn } from "./subscribe-request.ts";

/** What a SUBSCRIBE asks for, as far as every event package has it. */
export interface SubscribeForm {
  readonly event: EventHeader;
  /** Media types and ranges of Accept, lower case; empty when there is none. */
  readonly accept: readonly string[];
  /** What may be granted: shortened to the maximum. */
  readonly expiresSeconds: number;
}

export interface SubscribeRefusal extends ResponseInit {
  readonly statusCode: number;
}

export interface SubscribeRules {
  readonly package: string;
  readonly allowEvents: readonly string[];
  readonly contentTypes: readonly string[] | undefined;
  readonly minExpiresSeconds: number;
  readonly maxExpiresSeconds: number;
  readonly defaultExpiresSeconds: number;
}

/** §4.2.1.1: what is an hour or more is never too brief. */
const HOUR_SECONDS = 3600;
/** Media types looked at in one Accept, and octets of each. */
const MAX_ACCEPT = 64;
const MAX_TYPE_OCTETS = 255;
/** Octets of a Request-URI: it is kept as the resource. */
const MAX_URI_OCTETS = 4096;

/** @param allowEvents asked each time: packages come and go. */
export function rulesOf(options: NotifierOptions, allowEvents: () => readonly string[]): SubscribeRules {
  return {
    package: options.package,
    get allowEvents() {
      return allowEvents();
    },
    contentTypes: options.contentTypes,
    minExpiresSeconds: options.minExpiresSeconds ?? 60,
    maxExpiresSeconds: options.maxExpiresSeconds ?? 86_400,
    defaultExpiresSeconds: options.defaultExpiresSeconds ?? 3600,
  };
}

/** The checks on a SUBSCRIBE before anybody is asked. RFC 6665 §4.2.1.1. */
export function readSubscribe(request: SipRequest, rules: SubscribeRules): SubscribeForm | SubscribeRefusal {
  const { headers } = request;
  if (request.requestUri.length > MAX_URI_OCTETS) return { statusCode: 414 };
  // §4.2.3: one that has no Event means PINT, which is not here.
  if (!headers.has("Event")) return badEvent(rules);
  try {
    const event = eventOf(headers);
    if (event.package !== rules.package) return badEvent(rules);
    // A target refresh too (§3.1) should have one; a dialog cannot be made without.
    if (headers.has("Contact") || !request.to.params.has("tag")) contactOf(request);
    const accept = acceptOf(request);
    // An empty Accept takes nothing (RFC 3261 §20.1); none at all takes what the package has.
    const none = accept.length === 0 && headers.has("Accept");
    if (rules.contentTypes !== undefined && (none || !rules.contentTypes.some((type) => isAccepted(type, accept)))) {
      return { statusCode: 406, headers: [["Accept", rules.contentTypes.join(", ")]] };
    }
    const asked = secondsIn(headers, "Expires") ?? rules.defaultExpiresSeconds;
    if (asked > 0 && asked < HOUR_SECONDS && asked < rules.minExpiresSeconds) {
      return { statusCode: 423, headers: [["Min-Expires", String(rules.minExpiresSeconds)]] };
    }
    return { event: kept(event), accept: detached(accept), expiresSeconds: Math.min(asked, rules.maxExpiresSeconds) };
  } catch (error) {
    if (error instanceof SipParseError) return { statusCode: 400, reason: error.message };
    throw error;
  }
}

/** Whether `type` is among the media types and ranges of an Accept; all are when it is empty. RFC 3261 §20.1. */
export function isAccepted(type: string, accept: readonly string[]): boolean {
  if (accept.length === 0) return true;
  const wanted = type.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  const group = `${wanted.slice(0, wanted.indexOf("/"))}/*`;
  return accept.some((range) => range === wanted || range === group || range === "*/*");
}

function acceptOf({ headers }: SipRequest): string[] {
  return headers
    .list("Accept")
    .slice(0, MAX_ACCEPT)
    .map((text) => parseMediaType(text, "Accept"))
    .filter(({ type, params }) => type.length <= MAX_TYPE_OCTETS && !/^0(?:\.0*)?$/.test(params.get("q") ?? ""))
    .map(({ type }) => type);
}

/** The same, without the message that it was cut from. */
function kept({ package: name, id, params }: EventHeader): EventHeader {
  return {
    package: detached(name),
    ...(id === undefined ? {} : { id: detached(id) }),
    params: new Map(detached([...params])),
  };
}

function badEvent({ allowEvents }: SubscribeRules): SubscribeRefusal {
  return { statusCode: 489, headers: [["Allow-Events", serializeAllowEvents(allowEvents)]] };
}
