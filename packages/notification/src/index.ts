export {
  decodeNotification,
  decodeNotificationAs,
  type EncodeCredentials,
  encodeNotification,
  guessFormat,
} from "./codec.ts";
export {
  basicCredential,
  hmacCredential,
  md5Credential,
  type SyncmlCredentials,
  serializeHmacHeader,
} from "./credentials.ts";
export {
  checkDigest,
  computeDigest,
  type DigestCheck,
  type DigestCredentials,
  type DigestMatch,
  type EmptyPasswordStyle,
  isZeroDigest,
  signDigest,
  type VerifyOptions,
  verifyDigest,
  type ZeroNonceForm,
  zeroNonceForms,
} from "./digest.ts";
export { createDmNotification, decodeDm, encodeDm, fromSyncmlSessionId, toSyncmlSessionId } from "./dm.ts";
export { createDsNotification, decodeDs, encodeDs } from "./ds.ts";
export { NotificationError, type NotificationErrorCode, type NotificationErrorDetails } from "./errors.ts";
export {
  credentialsFromJson,
  type NotificationJson,
  notificationFromJson,
  notificationToJson,
  type SyncAlertJson,
} from "./json.ts";
export {
  applicationIdOf,
  contentTypeOf,
  formatOfContentType,
  type NotificationApplicationId,
  type NotificationMediaType,
  notificationFormats,
  notificationMediaTypes,
} from "./media-types.ts";
export { createSyncmlNotification, decodeSyncml, encodeSyncml } from "./syncml.ts";
export { alertCodeOf, clientAlertCodeOf, syncTypeOfAlertCode, syncTypes } from "./tables.ts";
export {
  type DecodeOptions,
  DIGEST_OCTETS,
  type DmNotification,
  type DsNotification,
  type Initiator,
  MAX_DS_SYNCS,
  MAX_NOTIFICATION_OCTETS,
  type Notification,
  type NotificationFormat,
  type NotificationVersion,
  type SyncAlert,
  type SyncmlNotification,
  type SyncType,
  type UiMode,
} from "./types.ts";
