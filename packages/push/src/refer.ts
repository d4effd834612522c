import {
  decodeText,
  encodeText,
  parseEvent,
  parseNameAddr,
  parseSeconds,
  parseTokenWithParams,
  parseUri,
  SipParseError,
  type SipRequest,
  type SipUri,
  serializeNameAddr,
  serializeUri,
} from "@sip-push/sip";
import { PushInputError } from "./errors.ts";
import {
  type OmaPushEvent,
  type OmaPushEventInit,
  type OmaPushEventOptions,
  readOmaPushEvent,
  serializeOmaPushEvent,
} from "./oma-push-event.ts";

/** A reference to subscribe. draft-mdolly-dispatch-oma-push-00 §11.4, RFC 3515. */
export interface ReferralInit {
  /** `sip:` or `sips:` URI to subscribe to: the recipient's own or that of a sender; a GRUU when one terminal is meant. */
  readonly target: string;
  /** What to subscribe to. */
  readonly event: OmaPushEventInit;
  /** The subscription that the new one replaces, `call-id;to-tag=…;from-tag=…`. RFC 3891 §6.1. */
  readonly replaces?: string;
  /** How long to subscribe, in seconds. */
  readonly expiresSeconds?: number;
  /**
   * No subscription to the outcome: `Refer-Sub: false`. Only when the REFER cannot fork, so to a GRUU or a contact (RFC 4488 §5).
   * Default true.
   */
  readonly withoutSubscription?: boolean;
}

/** A REFER that asks for a push subscription. */
export interface Referral {
  /** URI to subscribe to, without method and header fields. */
  readonly target: string;
  readonly event: OmaPushEvent;
  /** The subscription to end when the new one stands, as written; null when none is named. */
  readonly replaces: string | null;
  readonly expiresSeconds: number | null;
  /** The sender asks for `Refer-Sub: false`: echo it in the 202, and report nothing. RFC 4488 §4. */
  readonly withoutSubscription: boolean;
}

/** What a REFER is, or the answer that refuses it. */
export type ReadReferral =
  | { readonly kind: "referral"; readonly referral: Referral }
  | { readonly kind: "refused"; readonly statusCode: 400 | 489; readonly problem: string };

/** Octets of a Refer-To: a URI and an Event of a few hundred. */
const MAX_REFER_TO = 8192;
/** Header fields in the URI; a peer has no reason for more. */
const MAX_URI_HEADERS = 16;

/**
 * The header fields of such a REFER. `Supported: norefersub` says that we know RFC 4488; Require of it is not recommended (§4).
 *
 * @throws {PushInputError} naming the field.
 */
export function referHeaders(init: ReferralInit): ReadonlyArray<readonly [name: string, value: string]> {
  const { target, event, replaces, expiresSeconds, withoutSubscription = true } = init;
  const uri = targetUri(target);
  if (replaces !== undefined && !/^[!-~ ]{1,512}$/.test(replaces)) {
    throw new PushInputError("PUSH_BAD_HEADER", "replaces", "is no Replaces value");
  }
  if (expiresSeconds !== undefined && (!Number.isInteger(expiresSeconds) || expiresSeconds < 1)) {
    throw new PushInputError("PUSH_BAD_EXPIRY", "expiresSeconds", "must be a positive integer");
  }
  const fields: Array<readonly [string, string]> = [["Event", escapeHeader(serializeOmaPushEvent(event))]];
  if (expiresSeconds !== undefined) fields.push(["Expires", String(expiresSeconds)]);
  if (replaces !== undefined) fields.push(["Replaces", escapeHeader(replaces)]);
  const params = new Map([...uri.params, ["method", "SUBSCRIBE"]]);
  const referTo = serializeNameAddr({ uri: { ...uri, params, headers: fields } });
  return [
    ["Refer-To", referTo],
    ...(withoutSubscription ? [["Refer-Sub", "false"] as const] : []),
    ["Supported", "norefersub"],
  ];
}

function targetUri(target: string): SipUri {
  try {
    const uri = parseUri(encodeText(target), "target");
    const isPlain =
      (uri.scheme === "sip" || uri.scheme === "sips") && uri.headers.length === 0 && !uri.params.has("method");
    if (isPlain) return uri;
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
  }
  throw new PushInputError(
    "PUSH_BAD_HEADER",
    "target",
    `${JSON.stringify(target)} is no sip: URI without method and headers`,
  );
}

/**
 * Reads a REFER. Of the header fields in the URI, Event, Expires and Replaces count; all others are left aside, because a
 * referrer has no say in them (RFC 3261 §19.1.5).
 *
 * Refuses with 400: no Refer-To, or several (RFC 3515 §2.4.2), or one that cannot be read; with 489: anything but a SUBSCRIBE to
 * `oma-push` (draft-mdolly-dispatch-oma-push-00 §11.4).
 */
export function readReferral(request: SipRequest, options: OmaPushEventOptions = {}): ReadReferral {
  const fields = request.headers.list("Refer-To");
  if (fields.length !== 1) return refused(400, fields.length === 0 ? "Refer-To: missing" : "Refer-To: more than one");
  const [field = ""] = fields;
  if (field.length > MAX_REFER_TO) return refused(400, `Refer-To: longer than ${MAX_REFER_TO} octets`);
  try {
    return readReferTo(parseNameAddr(field, "Refer-To").uri, isUnsubscribed(request), options);
  } catch (error) {
    if (error instanceof SipParseError) return refused(400, error.message);
    throw error;
  }
}

function readReferTo(
  uri: ReturnType<typeof parseUri>,
  withoutSubscription: boolean,
  options: OmaPushEventOptions,
): ReadReferral {
  const isSubscribe =
    (uri.scheme === "sip" || uri.scheme === "sips") && uri.params.get("method")?.toUpperCase() === "SUBSCRIBE";
  if (!isSubscribe) return refused(489, "Refer-To: not to subscribe");
  if (uri.headers.length > MAX_URI_HEADERS) return refused(400, `Refer-To: more than ${MAX_URI_HEADERS} header fields`);
  const single = (name: string, compact?: string): string | undefined => {
    const values = uri.headers.filter(([each]) => [name, compact].includes(unescape(each).toLowerCase()));
    if (values.length > 1) throw new SipParseError("SIP_BAD_HEADER", "Refer-To", `${name} more than once`);
    return values[0] === undefined ? undefined : unescape(values[0][1]);
  };
  const eventText = single("event", "o");
  if (eventText === undefined) return refused(489, "Refer-To: no Event");
  const read = readOmaPushEvent(parseEvent(eventText), options);
  if (read.kind === "otherPackage") return refused(489, "Refer-To: another event package");
  if (read.kind === "malformed") return refused(400, `Refer-To: ${read.problem}`);
  const expires = single("expires");
  const params = new Map(uri.params);
  params.delete("method");
  const referral: Referral = {
    target: decodeText(serializeUri({ ...uri, params, headers: [] })),
    event: read.event,
    replaces: single("replaces") ?? null,
    expiresSeconds: expires === undefined ? null : parseSeconds(expires, "Refer-To: Expires"),
    withoutSubscription,
  };
  return { kind: "referral", referral };
}

/** RFC 4488 §4: `true` when it is not there. */
function isUnsubscribed({ headers }: SipRequest): boolean {
  const value = headers.get("Refer-Sub");
  if (value === undefined) return false;
  const word = parseTokenWithParams(value, "Refer-Sub").value.toLowerCase();
  if (word !== "true" && word !== "false")
    throw new SipParseError("SIP_BAD_HEADER", "Refer-Sub", "neither true nor false");
  return word === "false";
}

/** RFC 3261 §19.1.1 hvalue: everything but what needs no escape. */
function escapeHeader(text: string): string {
  return encodeText(text).replaceAll(
    /[^A-Za-z0-9\-_.!~*'()]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

function unescape(text: string): string {
  const octets = text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  // An escaped line break would become one in whatever is written from this.
  if (/[\r\n\0]/.test(octets)) throw new SipParseError("SIP_BAD_HEADER", "Refer-To", "a line break in a header field");
  return octets;
}

function refused(statusCode: 400 | 489, problem: string): ReadReferral {
  return { kind: "refused", statusCode, problem };
}
