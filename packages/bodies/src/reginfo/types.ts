import type { XmlElement } from "../xml/tree.ts";

/** RFC 3680 §4.2, §5.1. */
export type RegistrationState = "init" | "active" | "terminated";
/** RFC 3680 §5.1. */
export type ContactState = "active" | "terminated";
/** What made the contact what it is. RFC 3680 §4.2. */
export type ContactEvent =
  | "registered"
  | "created"
  | "refreshed"
  | "shortened"
  | "expired"
  | "deactivated"
  | "probation"
  | "unregistered"
  | "rejected";

/** A contact of a registration. RFC 3680 §5.2. */
export interface RegisteredContact {
  /** Unique within the document and stable between documents. */
  readonly id: string;
  readonly uri: string;
  readonly state: ContactState;
  readonly event: ContactEvent;
  /** Seconds until it expires. */
  readonly expiresSeconds?: number;
  /** Seconds after which to register again; with `probation`. */
  readonly retryAfterSeconds?: number;
  readonly durationRegisteredSeconds?: number;
  /** 0 to 1. */
  readonly q?: number;
  readonly callId?: string;
  readonly cseq?: number;
  readonly displayName?: string;
  /** Contact parameters: name to value as they stood in the Contact, "" for a flag. */
  readonly unknownParams?: ReadonlyArray<readonly [name: string, value: string]>;
  /** RFC 5628 §5. */
  readonly publicGruu?: string;
  /** RFC 5628 §5. `firstCseq` is that of the REGISTER that made it the first valid one. */
  readonly temporaryGruu?: { readonly uri: string; readonly firstCseq: number };
  readonly extensions?: readonly XmlElement[];
}

/** The registration of one address-of-record. */
export interface RegistrationInfo {
  readonly aor: string;
  readonly id: string;
  readonly state: RegistrationState;
  readonly contacts: readonly RegisteredContact[];
  readonly extensions?: readonly XmlElement[];
}

/** An application/reginfo+xml document. RFC 3680 §5. */
export interface Reginfo {
  /** Rises by one with each document of a subscription. */
  readonly version: number;
  /** Of the document: all that there is, or what has changed. */
  readonly state: "full" | "partial";
  readonly registrations: readonly RegistrationInfo[];
}
