import type { Referral } from "@sip-push/push";

/** Who refers. */
export interface ReferralOrigin {
  /** URI of From: what the sender says it is. */
  readonly from: string;
  /** As a trusted hop says; null when none does. RFC 3325. */
  readonly assertedIdentity: string | null;
  /** IP address of the last hop. */
  readonly sourceAddress: string;
}

/**
 * What becomes of references to subscribe: followed, refused with 403, or as a function decides, within `handlerTimeoutMs`.
 * With `trustedPpgs` those of others are refused before anybody is asked. Without that list `accept` follows those that come
 * through a trusted hop, or from one whom the receiver subscribed to, in that dialog; others get 403.
 */
export type ReferPolicy =
  | "accept"
  | "refuse"
  | ((referral: Referral, origin: ReferralOrigin) => boolean | Promise<boolean>);
