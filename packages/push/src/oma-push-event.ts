import { decodeText, type EventHeader, parseEvent, quote, serializeEvent, unquote } from "@sip-push/sip";
import { applicationUrn, parseApplicationId } from "./application-ids.ts";
import { PushInputError } from "./errors.ts";

/** The event package of SIP Push. draft-mdolly-dispatch-oma-push-00 §7.2. */
export const OMA_PUSH_PACKAGE = "oma-push";
/** Its name in an older draft (draft-mdolly-sipping-push-00). */
const OLD_PACKAGE = "push";

/** Applications that one Event may list. */
const MAX_APPLICATIONS = 64;
/** draft-mdolly-dispatch-oma-push-00 §7.4, without the list's own comma and quote: printable. */
const LIST_CHARACTERS = /^[!#-+\-.-[\]-~]+$/;
const DEV_CAP_CHARACTERS = /^[\t[^\p{Cc}\p{Cs}]]*$/v;

/** The Event of SUBSCRIBE and NOTIFY. */
export interface OmaPushEvent {
  /** Short names, each once, in order. */
  readonly applicationIds: readonly string[];
  /** What `dev-cap` says of the device, Unicode; null when it is not there. */
  readonly deviceCapabilities: string | null;
  /** Deprecated by RFC 6665 §4.5.2, yet what tells two subscriptions in one dialog apart: echoed. */
  readonly id: string | null;
}

/** How lenient the reading is. */
export interface OmaPushEventOptions {
  /** Takes the package name `push` too. Default false: it is some other package. */
  readonly acceptOldName?: boolean;
}

/** What an Event header field is to SIP Push. */
export type ReadOmaPushEvent =
  | { readonly kind: "event"; readonly event: OmaPushEvent }
  /** Some other package: 489. RFC 6665 §4.2.1.1, §8.3.2. */
  | { readonly kind: "otherPackage" }
  /** `oma-push` without an application, or with too many: 400. */
  | { readonly kind: "malformed"; readonly problem: string };

/** Whether a package is that of SIP Push. */
export function isOmaPushPackage(name: string, options: OmaPushEventOptions = {}): boolean {
  return name === OMA_PUSH_PACKAGE || (options.acceptOldName === true && name === OLD_PACKAGE);
}

/**
 * Reads an Event. Lenient where the draft's text, grammar and examples disagree: blanks in the list, bare names and numbers as
 * well as URNs, no quotes around a single id. Ids that are none are left out, as is a repetition.
 */
export function readOmaPushEvent(event: EventHeader, options: OmaPushEventOptions = {}): ReadOmaPushEvent {
  if (!isOmaPushPackage(event.package, options)) return { kind: "otherPackage" };
  const list = event.params.get("event-app-id");
  if (list === undefined || list === null) return { kind: "malformed", problem: "event-app-id is missing" };
  const elements = unquote(list).split(",");
  if (elements.length > MAX_APPLICATIONS) {
    return { kind: "malformed", problem: `event-app-id lists more than ${MAX_APPLICATIONS} applications` };
  }
  const applicationIds = [...new Set(elements.flatMap((element) => parseApplicationId(element) ?? []))];
  if (applicationIds.length === 0) return { kind: "malformed", problem: "event-app-id names no application" };
  const devCap = event.params.get("dev-cap");
  const deviceCapabilities = devCap === undefined || devCap === null ? null : decodeText(unquote(devCap));
  return { kind: "event", event: { applicationIds, deviceCapabilities, id: event.id ?? null } };
}

/**
 * Reads the text of an Event.
 *
 * @throws {SipParseError} SIP_BAD_HEADER for what is no Event at all; the stack has refused such requests before.
 */
export function parseOmaPushEvent(text: string, options: OmaPushEventOptions = {}): ReadOmaPushEvent {
  return readOmaPushEvent(parseEvent(text), options);
}

/** What {@link serializeOmaPushEvent} writes. */
export interface OmaPushEventInit {
  /** In any spelling; written as URNs, each once. */
  readonly applicationIds: readonly string[];
  readonly deviceCapabilities?: string | null;
  readonly id?: string | null;
}

/**
 * `oma-push;event-app-id="x-wap-application:push.syncml"`: URNs without blanks, the strict form of the draft's §7.3 and §7.4.
 *
 * @throws {PushInputError} PUSH_BAD_APPLICATION_ID, or PUSH_BAD_HEADER for `deviceCapabilities`.
 */
export function serializeOmaPushEvent(init: OmaPushEventInit): string {
  const { deviceCapabilities = null, id = null } = init;
  const urns = [...new Set(init.applicationIds.map((applicationId) => applicationUrn(applicationId)))];
  if (urns.length === 0 || urns.length > MAX_APPLICATIONS) {
    throw new PushInputError(
      "PUSH_BAD_APPLICATION_ID",
      "applicationIds",
      `must name 1 to ${MAX_APPLICATIONS} applications`,
    );
  }
  if (!urns.every((urn) => LIST_CHARACTERS.test(urn))) {
    throw new PushInputError("PUSH_BAD_APPLICATION_ID", "applicationIds", "holds a character that the list cannot");
  }
  if (deviceCapabilities !== null && !DEV_CAP_CHARACTERS.test(deviceCapabilities)) {
    throw new PushInputError("PUSH_BAD_HEADER", "deviceCapabilities", "holds a character that cannot be written");
  }
  const params = new Map([["event-app-id", `"${urns.join(",")}"`]]);
  if (deviceCapabilities !== null) params.set("dev-cap", quote(deviceCapabilities));
  return serializeEvent({ package: OMA_PUSH_PACKAGE, params, ...(id !== null && { id }) });
}

/** Whether two Events name the same applications, in whatever order and spelling. */
export function hasSameApplications(a: OmaPushEvent, b: OmaPushEvent): boolean {
  const ids = new Set(a.applicationIds);
  return (
    ids.size === new Set(b.applicationIds).size && b.applicationIds.every((applicationId) => ids.has(applicationId))
  );
}
