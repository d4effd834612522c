import {
  type Params,
  paramValue,
  parseTokenWithParams,
  type SipHeaders,
  SipParseError,
  TOKEN,
} from "../message/index.ts";

/** Event: package with its templates, the deprecated id, and all parameters. RFC 6665 §8.2.1. */
export interface EventHeader {
  /** `presence`, `presence.winfo`, `oma-push`: case matters. */
  readonly package: string;
  readonly id?: string;
  /** All parameters with `id` among them: lower-case name to value as written, quotes kept. */
  readonly params: Params;
}

/** Octets of one Event value: an `oma-push` list of URNs is a few hundred. */
const MAX_OCTETS = 8192;
const MAX_PARAMS = 32;
/** Packages that one message may list. */
const MAX_EVENTS = 256;

/** @throws {SipParseError} SIP_BAD_HEADER for what is outside the grammar, too long, or has too many parameters. */
export function parseEvent(text: string): EventHeader {
  if (text.length > MAX_OCTETS) throw bad(`longer than ${MAX_OCTETS} octets`);
  const { value, params } = parseTokenWithParams(text, "Event");
  if (!isEventType(value)) throw bad(`"${value.slice(0, 40)}" is not an event type`);
  if (params.size > MAX_PARAMS) throw bad(`more than ${MAX_PARAMS} parameters`);
  const id = paramValue(params, "id");
  if (id === undefined) return { package: value, params };
  if (!TOKEN.test(params.get("id") ?? "")) throw bad("id is not a token");
  return { package: value, id, params };
}

/** The one Event of a message. @throws {SipParseError} when there is none, or several (§3.1.2, §8.2.1). */
export function eventOf(headers: SipHeaders): EventHeader {
  if (headers.count("Event") !== 1) throw bad(headers.has("Event") ? "appears more than once" : "missing");
  return parseEvent(headers.get("Event") ?? "");
}

/** `package;name=value;…`, the parameters as they are in `params`, `id` first when it is not among them. */
export function serializeEvent(event: {
  readonly package: string;
  readonly id?: string;
  readonly params?: ReadonlyMap<string, string | null>;
}): string {
  let text = event.package;
  if (event.id !== undefined && event.params?.has("id") !== true) text += `;id=${event.id}`;
  for (const [name, value] of event.params ?? []) text += value === null ? `;${name}` : `;${name}=${value}`;
  return text;
}

/** Whether both name the same subscription: package and id, octet by octet; nothing else counts. RFC 6665 §8.2.1. */
export function eventsMatch(
  a: { readonly package: string; readonly id?: string },
  b: { readonly package: string; readonly id?: string },
): boolean {
  return a.package === b.package && a.id === b.id;
}

/** Packages that the sender of a message is a notifier for. RFC 6665 §4.4.4. What is no event type is left out. */
export function allowedEvents(headers: SipHeaders): readonly string[] {
  const types = headers.list("Allow-Events").filter(isEventType);
  return [...new Set(types)].slice(0, MAX_EVENTS);
}

/** The value of an Allow-Events header field. */
export function serializeAllowEvents(packages: Iterable<string>): string {
  return [...packages].join(", ");
}

/** `token-nodot *("." token-nodot)`, RFC 6665 §8.4. */
function isEventType(text: string): boolean {
  return TOKEN.test(text) && !/^\.|\.\.|\.$/.test(text);
}

function bad(problem: string): SipParseError {
  return new SipParseError("SIP_BAD_HEADER", "Event", problem);
}
