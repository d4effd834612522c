import {
  checkDigest,
  type DigestCredentials,
  type DmNotification,
  type DsNotification,
  type Notification,
  type ZeroNonceForm,
} from "@sip-push/notification";
import type { DigestState } from "./events.ts";

/** How the digests of notifications are checked. */
export interface DigestPolicy {
  /**
   * Password and current nonce that this handset shares with the server of a notification; undefined for a server that it does
   * not know, whose notifications stay `unchecked`. A throw is answered 500.
   */
  readonly credentials: (
    notification: DsNotification | DmNotification,
  ) => DigestCredentials | undefined | Promise<DigestCredentials | undefined>;
  /**
   * What to do about a digest that is wrong. `refuse`: 403 (default). `drop`: 200 and nothing else, so that a forger learns
   * nothing (OMA DM 1.2: ignore silently). `accept`: hand it over marked `invalid`.
   */
  readonly onInvalid?: "refuse" | "drop" | "accept";
  /** Hand over notifications that cannot be checked, marked `unchecked`. Default true; false treats them as invalid. */
  readonly acceptUnchecked?: boolean;
  /** DM only: forms of the nonce 0x00000000 with which a server that lost its nonce may sign. Default none. */
  readonly zeroNonces?: readonly ZeroNonceForm[];
}

/** Checks the digest of a decoded notification. A promise only when the look-up is one. */
export function digestStateOf(
  notification: Notification,
  octets: Uint8Array,
  policy: DigestPolicy | undefined,
): DigestState | Promise<DigestState> {
  if (policy === undefined || !("digest" in notification)) return "unchecked";
  const zeroNonces = notification.format === "dm-1.2" ? (policy.zeroNonces ?? []) : [];
  const check = (credentials: DigestCredentials | undefined): DigestState =>
    credentials === undefined ? "unchecked" : checkDigest(octets, credentials, { zeroNonces }).result;
  const credentials = policy.credentials(notification);
  return credentials instanceof Promise ? credentials.then(check) : check(credentials);
}
