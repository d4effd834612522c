import {
  applyReginfo,
  emptyRegistrationView,
  type Reginfo,
  type RegisteredContact,
  type RegistrationInfo,
  type RegistrationView,
} from "@sip-push/bodies";
import { aorKey, telephoneKey } from "../aor.ts";

/** One user has a few; what is above is not kept. */
const LIMITS = { maxRegistrations: 4, maxContacts: 64 };

/** What a document did to the state. */
export interface RegStateChange {
  /** False: it was old, and changed nothing. */
  readonly applied: boolean;
  /** Documents are missing: a refresh brings the full state. RFC 3680 §5.2. */
  readonly needsRefresh: boolean;
  /** A REGISTER has just been accepted: the document tells of a change, and the change is an active contact's. */
  readonly fresh: boolean;
}

/** Events that tell of a REGISTER that was accepted. RFC 3680 §4.7.1. */
const ARRIVALS: ReadonlySet<string> = new Set(["registered", "created", "refreshed"]);

/**
 * The registration of one user as the documents of one subscription tell it. RFC 3680 §5.2. Registrations of other
 * users in the same documents, such as those of an implicit registration set, are left out.
 */
export class RegState {
  readonly #keys: ReadonlySet<string>;
  #view: RegistrationView = emptyRegistrationView;

  /** @param aor of the user, as URI. */
  constructor(aor: string) {
    this.#keys = new Set([aorKey(aor), telephoneKey(aor)].filter((key) => key !== undefined));
  }

  /** Active contacts. RFC 3680 §4.7.1: there are none without an active registration. */
  get contacts(): readonly RegisteredContact[] {
    return [...this.#view.registrations.values()].flatMap(({ state, contacts }) =>
      state === "active" ? contacts.filter((contact) => contact.state === "active") : [],
    );
  }

  /** The next document is the first of a new subscription: its version starts anew (RFC 3680 §5.1). */
  restart(): void {
    this.#view = emptyRegistrationView;
  }

  apply(document: Reginfo): RegStateChange {
    const isChange = document.state === "partial" && this.#view.version !== null;
    const registrations = document.registrations.filter((each) => this.#isOurs(each));
    const { view, applied, needsRefresh } = applyReginfo(this.#view, { ...document, registrations }, LIMITS);
    this.#view = view;
    const arrived = registrations.some(({ contacts }) =>
      contacts.some(({ state, event }) => state === "active" && ARRIVALS.has(event)),
    );
    return { applied, needsRefresh, fresh: applied && isChange && arrived };
  }

  #isOurs({ aor }: RegistrationInfo): boolean {
    const key = aorKey(aor);
    return key !== undefined && this.#keys.has(key);
  }
}
