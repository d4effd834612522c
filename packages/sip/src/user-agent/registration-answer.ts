import {
  type NameAddr,
  paramValue,
  parseNameAddr,
  parseSeconds,
  type SipResponse,
  type SipUri,
  urisEqual,
} from "../message/index.ts";

/** The binding to look for in a registrar's answer. */
export interface OwnBinding {
  readonly contact: SipUri;
  readonly instanceId?: string | undefined;
  readonly regId: number;
  /** Asked for; counts when the answer says no time. */
  readonly expiresSeconds: number;
}

/** How long our binding lives by a 2xx; undefined when it is not among the contacts. RFC 3261 §10.2.4. */
export function acceptedSeconds({ headers }: SipResponse, ours: OwnBinding): number | undefined {
  for (const text of headers.list("Contact")) {
    const contact = tryNameAddr(text);
    if (contact === undefined || !(isInstance(contact, ours) || urisEqual(contact.uri, ours.contact))) continue;
    return secondsOf(paramValue(contact.params, "expires") ?? headers.get("Expires")) ?? ours.expiresSeconds;
  }
  return undefined;
}

/** Least time that a 423 asks for, in seconds. RFC 3261 §20.23. Undefined when it does not say. */
export function minExpires({ headers }: SipResponse): number | undefined {
  return secondsOf(headers.get("Min-Expires"));
}

/** RFC 5626 §6: instance and reg-id name the binding; a registrar that knows nothing of that may leave reg-id out. */
function isInstance({ params }: NameAddr, { instanceId, regId }: OwnBinding): boolean {
  if (instanceId === undefined || paramValue(params, "+sip.instance") !== `<${instanceId}>`) return false;
  return (paramValue(params, "reg-id") ?? String(regId)) === String(regId);
}

function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]+$/.test(text) ? parseSeconds(text, "expires") : undefined;
}

function tryNameAddr(text: string): NameAddr | undefined {
  try {
    return parseNameAddr(text, "Contact");
  } catch {
    return undefined;
  }
}
