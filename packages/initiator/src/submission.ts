import type { DeliveryMethod, Priority, ReplaceMethod } from "@sip-push/pap";
import type { Entity } from "./outcomes.ts";

/** What is pushed: any MIME entity, its octets as they are. */
export interface PushContent {
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Header field X-Wap-Application-Id: a URN, a short name or a number; none for null. */
  readonly applicationId?: string | null | undefined;
  /** Content codings that `body` has already, such as `gzip`. */
  readonly contentEncoding?: string | undefined;
  readonly contentDisposition?: Entity["contentDisposition"] | undefined;
  /** More header fields of the content entity, in order. */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]> | undefined;
}

/** Wishes for the delivery; what is left out is the gateway's to choose. */
export interface PushQuality {
  readonly priority?: Priority | undefined;
  readonly deliveryMethod?: DeliveryMethod | undefined;
  readonly network?: string | undefined;
  readonly networkRequired?: boolean | undefined;
  readonly bearer?: string | undefined;
  readonly bearerRequired?: boolean | undefined;
}

/** One push to one or more recipients. */
export interface PushSubmission {
  /** Unique for ever; `newPushId` makes one. */
  readonly pushId: string;
  /** `WAPPUSH=…/TYPE=…@…`, `sip:`, `sips:` or `tel:`, sent as they are written. At least one. */
  readonly addresses: readonly string[];
  readonly content: PushContent;
  readonly quality?: PushQuality | undefined;
  readonly deliverBefore?: Date | undefined;
  readonly deliverAfter?: Date | undefined;
  /** The push that this one replaces. PAP 2.0 and later. */
  readonly replace?: { readonly pushId: string; readonly method?: ReplaceMethod | undefined } | undefined;
  readonly sourceReference?: string | undefined;
  /** URL that results are to be sent to, such as that of a `ResultListener`. */
  readonly notifyUrl?: string | undefined;
  /** Whether the response shall hold progress notes. */
  readonly progressNotes?: boolean | undefined;
  /** What the handset is assumed to be capable of: UAProf RDF. */
  readonly capabilities?: Entity | undefined;
}

/** Recipients of an earlier push. */
export interface PushQuery {
  readonly pushId: string;
  /** All recipients when there is none. */
  readonly addresses?: readonly string[] | undefined;
}

/** A client capabilities query. */
export interface CapabilitiesQuery {
  readonly address: string;
  /** The application asked about. */
  readonly applicationId?: string | undefined;
  /** What the answer repeats. */
  readonly queryId?: string | undefined;
}
