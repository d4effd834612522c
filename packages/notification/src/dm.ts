import { OctetReader, OctetWriter } from "./bits.ts";
import { NotificationError } from "./errors.ts";
import { decodeHeader, encodeHeader, type HeaderProfile } from "./header.ts";
import { checkInputSize, checkInteger, checkOutputSize } from "./limits.ts";
import { type DecodeOptions, DIGEST_OCTETS, type DmNotification } from "./types.ts";

/** Versions of DM notifications: 1.1 in OMA DM 1.2; 1.2 is seen in the field and accepted. */
export const dmVersions: readonly DmNotification["version"][] = ["1.1", "1.2"];

/** OMA DM 1.2 Notification 6.2: session ids run from 1 to FFFF. */
const profile: HeaderProfile<DmNotification["version"]> = { versions: dmVersions, minSessionId: 1 };

/**
 * Decodes an OMA DM 1.2 General Package #0: the header, and whatever follows it as vendor octets.
 *
 * Spec: OMA DM 1.2 Notification 6.1 to 6.3. Does not check the digest: see `verifyDigest`.
 *
 * @param octets the whole body of the push, 24 octets or more.
 * @throws {NotificationError} `NOTIFICATION_TRUNCATED`, `_TOO_LARGE`, `_BAD_VALUE`, `_BAD_UTF8` or `_UNSUPPORTED_VERSION`.
 */
export function decodeDm(octets: Uint8Array, options: DecodeOptions = {}): DmNotification {
  checkInputSize(octets, options);
  const reader = new OctetReader(octets);
  const header = decodeHeader(reader, profile);
  return { format: "dm-1.2", ...header, vendor: reader.rest("vendor") };
}

/**
 * Encodes an OMA DM 1.2 General Package #0 with the digest that it holds.
 *
 * @throws {NotificationError} `NOTIFICATION_OUT_OF_RANGE` naming the field, `NOTIFICATION_TOO_LARGE`.
 */
export function encodeDm(notification: DmNotification): Uint8Array {
  const writer = new OctetWriter();
  encodeHeader(writer, notification, profile);
  return checkOutputSize(writer.octets(notification.vendor).toOctets());
}

/** A DM notification from its wanted fields: version 1.1, initiated by the server, no vendor octets, no digest. */
export function createDmNotification(
  fields: Pick<DmNotification, "sessionId" | "serverId"> & Partial<DmNotification>,
): DmNotification {
  return {
    version: "1.1",
    uiMode: "not-specified",
    initiator: "server",
    vendor: new Uint8Array(0),
    digest: new Uint8Array(DIGEST_OCTETS),
    ...fields,
    format: "dm-1.2",
  };
}

/**
 * The SyncML SessionID of the DM session that a notification starts: upper-case hex without leading zeros, `0x0A0B` is `A0B`.
 *
 * @param sessionId 1 to 65535.
 * @throws {NotificationError} `NOTIFICATION_OUT_OF_RANGE`.
 */
export function toSyncmlSessionId(sessionId: number): string {
  return checkInteger(sessionId, 1, 0xffff, "sessionId").toString(16).toUpperCase();
}

/**
 * The notification's session id for a SyncML SessionID that was made of it; hex digits in any case.
 *
 * @throws {NotificationError} `NOTIFICATION_BAD_VALUE` when `text` is not 1 to FFFF in hex.
 */
export function fromSyncmlSessionId(text: string): number {
  const sessionId = /^[0-9a-f]{1,4}$/i.test(text) ? Number.parseInt(text, 16) : 0;
  if (sessionId === 0) {
    const problem = `must be 1 to FFFF in hex, not ${JSON.stringify(text)}`;
    throw new NotificationError("NOTIFICATION_BAD_VALUE", problem, { field: "sessionId" });
  }
  return sessionId;
}
