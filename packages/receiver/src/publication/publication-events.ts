import type { PublicationOperation } from "@sip-push/sip";

/** What becomes of the publication of the receiver's capabilities. RFC 3903. */
export type CapabilityPublicationEvent =
  /** `to` has what the receiver can take now. */
  | {
      readonly event: "published";
      readonly to: string;
      readonly operation: PublicationOperation;
      readonly expiresSeconds: number;
    }
  | {
      readonly event: "publication-failed";
      readonly to: string;
      /** null when there was no answer. */
      readonly sipStatus: number | null;
      readonly reason: string;
      /** null: not before the applications change, or never. */
      readonly retryInMs: number | null;
    };
