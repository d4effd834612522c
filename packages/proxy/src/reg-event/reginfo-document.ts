import { createHash } from "node:crypto";
import type { ContactEvent, Reginfo, RegisteredContact, RegistrationState } from "@sip-push/bodies";
import { decodeText } from "@sip-push/sip";
import type { ContactChange } from "../events.ts";
import type { Binding } from "../location-store.ts";

/** What a document is made for. */
export interface ReginfoView {
  readonly aor: string;
  readonly version: number;
  /** By the clock of the bindings. */
  readonly nowMs: number;
  /** The subscriber may register for the user: temporary GRUUs are for nobody else. RFC 5628 §5. */
  readonly owner: boolean;
}

/** A contact as a change left it; `created` here is what RFC 3680 §4.7.1 calls `registered`: all of ours are made by REGISTER. */
const EVENTS: Readonly<Record<ContactChange["event"], ContactEvent>> = {
  created: "registered",
  refreshed: "refreshed",
  shortened: "shortened",
  expired: "expired",
  deactivated: "deactivated",
  probation: "probation",
  unregistered: "unregistered",
  rejected: "rejected",
};
const ENDED: ReadonlySet<ContactEvent> = new Set(["expired", "deactivated", "probation", "unregistered", "rejected"]);
/** Parameters of RFC 3261 §20.10; all others are "unknown". RFC 3680 §5.1. */
const KNOWN_PARAMS: ReadonlySet<string> = new Set(["q", "expires"]);
/** `retry-after` must be there with `probation`. */
const DEFAULT_RETRY_AFTER_SECONDS = 60;

/** All live contacts. RFC 3680 §4.4, §5.1. */
export function fullReginfo(bindings: readonly Binding[], view: ReginfoView): Reginfo {
  const contacts = bindings.map((binding) =>
    contactOf(binding, binding.updatedAtMs > binding.registeredAtMs ? "refreshed" : "registered", view),
  );
  return document("full", bindings.length > 0 ? "active" : "init", contacts, view);
}

/** What has changed. RFC 3680 §4.7.2. `registered`: whether a contact is left. */
export function partialReginfo(changes: readonly ContactChange[], registered: boolean, view: ReginfoView): Reginfo {
  const contacts = changes.map(({ binding, event, retryAfterSeconds = DEFAULT_RETRY_AFTER_SECONDS }) => {
    const contact = contactOf(binding, EVENTS[event], view);
    return event === "probation" ? { ...contact, retryAfterSeconds } : contact;
  });
  return document("partial", registered ? "active" : "terminated", contacts, view);
}

/**
 * Changes not told yet and those that come: one for each contact, the last one. A contact that nobody heard of is still
 * new when it was refreshed meanwhile.
 */
export function mergeChanges(before: readonly ContactChange[], after: readonly ContactChange[]): ContactChange[] {
  const merged = new Map(before.map((change) => [change.binding.id, change]));
  for (const change of after) {
    const isNew = merged.get(change.binding.id)?.event === "created" && !ENDED.has(EVENTS[change.event]);
    merged.set(change.binding.id, isNew ? { ...change, event: "created" } : change);
  }
  return [...merged.values()];
}

function document(
  state: Reginfo["state"],
  registration: RegistrationState,
  contacts: readonly RegisteredContact[],
  { aor, version }: ReginfoView,
): Reginfo {
  return { version, state, registrations: [{ aor, id: idOf(aor), state: registration, contacts }] };
}

function contactOf(binding: Binding, event: ContactEvent, { nowMs, owner }: ReginfoView): RegisteredContact {
  const { id, contact, q, callId, cseq, displayName, params, gruus } = binding;
  const ended = ENDED.has(event);
  const unknownParams = [...params].flatMap(([name, value]) =>
    KNOWN_PARAMS.has(name) ? [] : [[name, textOf(value ?? "")] as const],
  );
  return {
    id,
    uri: textOf(contact),
    state: ended ? "terminated" : "active",
    event,
    ...(ended ? {} : { expiresSeconds: secondsBetween(nowMs, binding.expiresAtMs) }),
    durationRegisteredSeconds: secondsBetween(binding.registeredAtMs, nowMs),
    q,
    callId: textOf(callId),
    cseq,
    ...(displayName !== undefined && { displayName: xmlText(displayName) }),
    ...(unknownParams.length > 0 && { unknownParams }),
    ...(gruus !== undefined && { publicGruu: textOf(gruus.publicGruu) }),
    ...(gruus !== undefined &&
      owner && { temporaryGruu: { uri: textOf(gruus.temporaryGruu), firstCseq: gruus.firstCseq } }),
  };
}

/** The same for one address-of-record always, and another for any other. RFC 3680 §5.1. */
function idOf(aor: string): string {
  return createHash("sha256").update(aor).digest("base64url").slice(0, 16);
}

/** What no XML document may hold. XML 1.0 §2.2. */
const NO_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

function textOf(octetString: string): string {
  return xmlText(decodeText(octetString));
}

/** A user agent may register with any octets: that must not keep its watchers from hearing of it. */
function xmlText(text: string): string {
  return text.replace(NO_XML, "\ufffd");
}

function secondsBetween(fromMs: number, toMs: number): number {
  return Math.max(0, Math.ceil((toMs - fromMs) / 1000));
}
