import type { XmlElement } from "../xml/tree.ts";

/** A note with its language. RFC 3863 §4.1.6. */
export interface PidfNote {
  readonly text: string;
  readonly lang?: string;
}

/** RFC 3863 §4.1.4. */
export type BasicStatus = "open" | "closed";

/** A tuple: one service or device of a presentity. RFC 3863 §4.1.2. */
export interface PidfTuple {
  readonly id: string;
  /** null when the status says nothing of it. */
  readonly basic: BasicStatus | null;
  readonly contact?: PidfContact;
  readonly notes?: readonly PidfNote[];
  /** When the tuple was last changed. */
  readonly timestamp?: Date;
  /** RFC 5196. */
  readonly serviceCapabilities?: ServiceCapabilities;
  /** Other elements inside `status`. */
  readonly statusExtensions?: readonly XmlElement[];
  /** Other elements inside `tuple`. */
  readonly extensions?: readonly XmlElement[];
}

/** RFC 3863 §4.1.5. */
export interface PidfContact {
  readonly uri: string;
  /** 0 to 1, at most three digits. */
  readonly priority?: number;
}

/** A presence document, application/pidf+xml. RFC 3863 §4. */
export interface Presence {
  /** `pres:`, `sip:` or other URI of the presentity. */
  readonly entity: string;
  readonly tuples: readonly PidfTuple[];
  readonly notes?: readonly PidfNote[];
  /** Other elements of the root: `dm:person`, `dm:device`, … */
  readonly extensions?: readonly XmlElement[];
}

/** What is supported and what is not. RFC 5196 §3.2.11. */
export interface SupportedSet {
  readonly supported: readonly string[];
  readonly notSupported: readonly string[];
}

/** RFC 5196 §3.2.15. */
export type PriorityRange =
  | { readonly kind: "lowerthan"; readonly maxValue: number }
  | { readonly kind: "higherthan"; readonly minValue: number }
  | { readonly kind: "equals"; readonly value: number }
  | { readonly kind: "range"; readonly minValue: number; readonly maxValue: number };

/** The boolean elements. RFC 5196 §3.2. */
export type CapabilityFlag =
  | "audio"
  | "application"
  | "data"
  | "control"
  | "video"
  | "text"
  | "message"
  | "automata"
  | "isfocus";

/** The elements with `supported` and `notsupported` lists. RFC 5196 §3.2. */
export type CapabilitySet =
  | "class"
  | "duplex"
  | "event-packages"
  | "methods"
  | "extensions"
  | "schemes"
  | "actor"
  | "languages";

/** `servcaps`: SIP user agent capabilities of a tuple. RFC 5196 §3.2. What a document does not say is left out. */
export interface ServiceCapabilities {
  readonly flags: Readonly<Partial<Record<CapabilityFlag, boolean>>>;
  readonly sets: Readonly<Partial<Record<CapabilitySet, SupportedSet>>>;
  /** Media types that are taken, `type/subtype` in lower case. §3.2.9. */
  readonly types: readonly string[];
  readonly priority?: { readonly supported: readonly PriorityRange[]; readonly notSupported: readonly PriorityRange[] };
  readonly descriptions: readonly PidfNote[];
  /** What `urn:sip-push:ns:capabilities` adds. */
  readonly push?: PushCapabilityElements;
  /** Elements of other namespaces. */
  readonly extensions: readonly XmlElement[];
}

/** What a push receiver says that RFC 5196 has no element for; elements of `urn:sip-push:ns:capabilities`. */
export interface PushCapabilityElements {
  /** Push application ids, short names. */
  readonly applications: readonly string[];
  /** Content codings that are undone. */
  readonly encodings: readonly string[];
  /** Octets of the largest body; null when not said. */
  readonly maxBodyOctets: number | null;
}
