import type { XmlElement } from "../xml/tree.ts";

/** What may be asked for. RFC 5438 §6.1.1 and registered. */
export type DispositionRequest = "positive-delivery" | "negative-delivery" | "processing" | "display";

/** Which notification an IMDN is. RFC 5438 §7.2. */
export type NotificationKind = "delivery" | "processing" | "display";

/** RFC 5438 §7.2.1. */
export type ImdnStatus = "delivered" | "failed" | "displayed" | "processed" | "stored" | "forbidden" | "error";

/** The status that a kind of notification may have; in the order of the schema (RFC 5438 §11.1.8). */
export const statusesOf: Readonly<Record<NotificationKind, readonly ImdnStatus[]>> = {
  delivery: ["delivered", "failed", "forbidden", "error"],
  display: ["displayed", "forbidden", "error"],
  processing: ["processed", "stored", "forbidden", "error"],
};

/** An Instant Message Disposition Notification. RFC 5438 §7. */
export interface Imdn {
  /** Message-ID of the message it is about. */
  readonly messageId: string;
  /** DateTime of the message it is about, as written there: it is compared, not computed with; null when left out. */
  readonly dateTime: string | null;
  /** Who got the message; null when a peer leaves it out. */
  readonly recipientUri: string | null;
  /** To whom it was sent at first; null when left out. */
  readonly originalRecipientUri: string | null;
  readonly subject: string | null;
  readonly kind: NotificationKind;
  readonly status: ImdnStatus;
  /** Elements that this model does not know, of the root and of the status. */
  readonly extensions: readonly XmlElement[];
}
