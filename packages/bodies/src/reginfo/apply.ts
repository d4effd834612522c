import type { Reginfo, RegisteredContact, RegistrationInfo } from "./types.ts";

/** What a subscriber knows: the tables of RFC 3680 §5.2. */
export interface RegistrationView {
  /** Of the document applied last; null before the first. */
  readonly version: number | null;
  /** By the id of the registration. */
  readonly registrations: ReadonlyMap<string, RegistrationInfo>;
}

export const emptyRegistrationView: RegistrationView = { version: null, registrations: new Map() };

/** What became of a document. */
export interface AppliedReginfo {
  readonly view: RegistrationView;
  /** False for a document that is older than what is known: the view is unchanged. */
  readonly applied: boolean;
  /** Documents are missing in between: refresh the subscription, so that full state comes. RFC 3680 §5.2. */
  readonly needsRefresh: boolean;
}

/** How much a view may hold, whatever documents say. */
export interface ViewLimits {
  /** Default 1,000. */
  readonly maxRegistrations?: number;
  /** Of one registration. Default 100. */
  readonly maxContacts?: number;
}

/**
 * Applies a document to what is known. RFC 3680 §5.2. Contacts that are terminated are in the view until the next document, so
 * that their event can be read; then they are gone.
 *
 * Deviates from §5.2, which says nothing of a document with the same version: a full one is applied, because notifiers exist
 * that write 0 each time and a full document stands for itself.
 */
export function applyReginfo(view: RegistrationView, document: Reginfo, limits: ViewLimits = {}): AppliedReginfo {
  const { version } = view;
  const isFull = document.state === "full";
  const isOld = version !== null && (document.version < version || (document.version === version && !isFull));
  if (isOld) return { view, applied: false, needsRefresh: false };
  const gap = version !== null && document.version > version + 1;
  // The first document must be full: RFC 3680 §4.5. A partial one cannot be completed.
  const needsRefresh = !isFull && (gap || version === null);
  const registrations = merge(isFull ? [] : [...view.registrations.values()].map(withoutTerminated), document, limits);
  return { view: { version: document.version, registrations }, applied: true, needsRefresh };
}

function merge(
  known: readonly RegistrationInfo[],
  document: Reginfo,
  { maxRegistrations = 1000, maxContacts = 100 }: ViewLimits,
): Map<string, RegistrationInfo> {
  const tables = new Map(known.map((registration) => [registration.id, registration]));
  for (const registration of document.registrations) {
    const table = tables.get(registration.id);
    if (table === undefined && tables.size >= maxRegistrations) continue;
    const rows = new Map<string, RegisteredContact>();
    for (const contact of [...(table?.contacts ?? []), ...registration.contacts]) {
      if (rows.has(contact.id) || rows.size < maxContacts) rows.set(contact.id, contact);
    }
    tables.set(registration.id, { ...registration, contacts: [...rows.values()] });
  }
  return tables;
}

function withoutTerminated(registration: RegistrationInfo): RegistrationInfo {
  return { ...registration, contacts: registration.contacts.filter(({ state }) => state === "active") };
}
