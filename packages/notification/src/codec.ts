import { type DigestCredentials, type EmptyPasswordStyle, signDigest } from "./digest.ts";
import { decodeDm, encodeDm } from "./dm.ts";
import { decodeDs, encodeDs } from "./ds.ts";
import { NotificationError } from "./errors.ts";
import { formatOfContentType, refuseFormat } from "./media-types.ts";
import { decodeSyncml, encodeSyncml } from "./syncml.ts";
import type { DecodeOptions, Notification, NotificationFormat } from "./types.ts";

/**
 * Decodes the body of a push, in the format that its Content-Type names. The digest is not checked: see `verifyDigest`.
 *
 * @param octets the whole body.
 * @param contentType value of the Content-Type header field, in any case and with any parameters.
 * @throws {NotificationError} `NOTIFICATION_UNSUPPORTED_CONTENT_TYPE`, or a decoding code, which names field and offset.
 */
export function decodeNotification(octets: Uint8Array, contentType: string, options: DecodeOptions = {}): Notification {
  const format = formatOfContentType(contentType);
  if (format === null) {
    const problem = `${JSON.stringify(contentType)} is not the type of a notification`;
    throw new NotificationError("NOTIFICATION_UNSUPPORTED_CONTENT_TYPE", problem, { field: "contentType" });
  }
  return decodeNotificationAs(octets, format, options);
}

/** As {@link decodeNotification}, for a known format. */
export function decodeNotificationAs(
  octets: Uint8Array,
  format: NotificationFormat,
  options: DecodeOptions = {},
): Notification {
  switch (format) {
    case "ds-1.2":
      return decodeDs(octets, options);
    case "dm-1.2":
      return decodeDm(octets, options);
    case "syncml-1.1-xml":
    case "syncml-1.1-wbxml":
      return decodeSyncml(octets, format, options);
    default:
      return refuseFormat(format);
  }
}

/** How {@link encodeNotification} makes the digest; as {@link DigestCredentials}, with an empty nonce by default. */
export interface EncodeCredentials extends Omit<DigestCredentials, "nonce"> {
  readonly nonce?: DigestCredentials["nonce"];
  /** For a libsynthesis peer with an empty password: `no-colon`. Default `colon`. */
  readonly emptyPasswordStyle?: EmptyPasswordStyle;
}

/**
 * Encodes a notification.
 *
 * @param credentials the digest is computed with them; without them the notification's own is written.
 * @throws {NotificationError} `NOTIFICATION_OUT_OF_RANGE` naming the field, also for credentials with a SyncML Package #0,
 *   which has no digest; `NOTIFICATION_TOO_LARGE`.
 */
export function encodeNotification(notification: Notification, credentials?: EncodeCredentials): Uint8Array {
  switch (notification.format) {
    case "ds-1.2":
      return sign(encodeDs(notification), credentials);
    case "dm-1.2":
      return sign(encodeDm(notification), credentials);
    case "syncml-1.1-xml":
    case "syncml-1.1-wbxml":
      if (credentials !== undefined) {
        const problem = `${notification.format} has no digest to make with it`;
        throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field: "password" });
      }
      return encodeSyncml(notification);
    default:
      return refuseFormat((notification as Notification).format);
  }
}

function sign(octets: Uint8Array, credentials: EncodeCredentials | undefined): Uint8Array {
  if (credentials === undefined) return octets;
  return signDigest(octets, { ...credentials, nonce: credentials.nonce ?? "" }, credentials.emptyPasswordStyle);
}

/**
 * The format of octets whose Content-Type is lost (a file, say), or `null` when they are no notification. A guess where DS and
 * DM both fit, by what their specifications say of the version: 1.1 in DM, 1.2 in DS.
 */
export function guessFormat(octets: Uint8Array, options: DecodeOptions = {}): NotificationFormat | null {
  const fitting = guessOrder.filter((format) => decodes(octets, format, options));
  const [first] = fitting;
  if (first === undefined) return null;
  const isVersion11 = first === "ds-1.2" && decodeDs(octets, options).version === "1.1";
  return isVersion11 && fitting.includes("dm-1.2") ? "dm-1.2" : first;
}

/** From the format that is least likely to fit by chance. */
const guessOrder: readonly NotificationFormat[] = ["syncml-1.1-xml", "syncml-1.1-wbxml", "ds-1.2", "dm-1.2"];

function decodes(octets: Uint8Array, format: NotificationFormat, options: DecodeOptions): boolean {
  try {
    decodeNotificationAs(octets, format, options);
    return true;
  } catch (error) {
    if (error instanceof NotificationError) return false;
    throw error;
  }
}
