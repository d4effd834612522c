import type { BodyPart } from "../multipart/types.ts";

/** A header field of a CPIM message. RFC 3862 §3. */
export interface CpimHeader {
  /** Name without its prefix; case counts. */
  readonly name: string;
  /** URI of the namespace; `CPIM_NAMESPACE` for From, To, cc, DateTime, Subject and Require. */
  readonly namespace: string;
  /** Unicode, with the escapes of RFC 3862 §2.3 as written: `unescapeCpim` undoes them, `escapeCpim` makes them. */
  readonly value: string;
  /** `lang` parameter. */
  readonly lang?: string;
}

/** A message/cpim body. RFC 3862. */
export interface CpimMessage {
  /** In order; NS fields are gone into `namespace`. */
  readonly headers: readonly CpimHeader[];
  /** The encapsulated MIME content. */
  readonly content: BodyPart;
}

/** A formal name and a URI, as From, To and cc hold them. RFC 3862 §4.1. */
export interface CpimAddress {
  readonly displayName?: string;
  readonly uri: string;
}
