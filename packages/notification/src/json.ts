import { bytesToHex } from "@noble/hashes/utils.js";
import { type EncodeCredentials, encodeNotification } from "./codec.ts";
import { createDmNotification, dmVersions } from "./dm.ts";
import { createDsNotification } from "./ds.ts";
import { JsonFields } from "./json-fields.ts";
import { notificationFormats, refuseFormat } from "./media-types.ts";
import { createSyncmlNotification } from "./syncml.ts";
import { alertCodeOf, initiatorCodes, syncTypeOfAlertCode, syncTypes, uiModeCodes, versionCodes } from "./tables.ts";
import type {
  DmNotification,
  DsNotification,
  Initiator,
  Notification,
  NotificationVersion,
  SyncAlert,
  SyncmlNotification,
  SyncType,
  UiMode,
} from "./types.ts";

/** A {@link SyncAlert} as JSON, with its alert code beside its name. */
export interface SyncAlertJson extends SyncAlert {
  /** 206 to 210. */
  readonly alertCode: number;
}

/** Octets are lower-case hex in JSON. */
interface TriggerJson {
  readonly vendor: string;
  readonly digest: string;
}

/** A {@link Notification} as JSON: the object that `sip-push notification decode` prints. */
export type NotificationJson =
  | (Omit<DsNotification, "syncs" | "vendor" | "digest"> & TriggerJson & { readonly syncs: readonly SyncAlertJson[] })
  | (Omit<DmNotification, "vendor" | "digest"> & TriggerJson)
  | (Omit<SyncmlNotification, "syncs"> & { readonly syncs: readonly SyncAlertJson[] });

/** The JSON form of a notification. */
export function notificationToJson(notification: Notification): NotificationJson {
  switch (notification.format) {
    case "ds-1.2": {
      const { format, version, uiMode, initiator, sessionId, serverId, syncs, vendor, digest, ...rest } = notification;
      const header = { format, version, uiMode, initiator, sessionId, serverId };
      return {
        ...header,
        syncs: syncs.map(syncToJson),
        vendor: bytesToHex(vendor),
        digest: bytesToHex(digest),
        ...rest,
      };
    }
    case "dm-1.2": {
      const { format, version, uiMode, initiator, sessionId, serverId, vendor, digest, ...rest } = notification;
      const header = { format, version, uiMode, initiator, sessionId, serverId };
      return { ...header, vendor: bytesToHex(vendor), digest: bytesToHex(digest), ...rest };
    }
    case "syncml-1.1-xml":
    case "syncml-1.1-wbxml": {
      const { format, version, sessionId, serverId, syncs, ...rest } = notification;
      return { format, version, sessionId, serverId, syncs: syncs.map(syncToJson), ...rest };
    }
    default:
      return refuseFormat((notification as Notification).format);
  }
}

function syncToJson({ syncType, contentType, serverUri, ...rest }: SyncAlert): SyncAlertJson {
  return { syncType, alertCode: alertCodeOf(syncType), contentType, serverUri, ...rest };
}

/** Keys that `sip-push notification encode` takes besides those of the notification. */
const credentialKeys: readonly string[] = ["password", "nonce"];

/**
 * The notification that a JSON object describes; what is left out takes the value that the `create…Notification` functions give
 * it, and a sync may name its type by `syncType`, `alertCode` or both. `password` and `nonce` are left to
 * {@link credentialsFromJson}. The result can be encoded.
 *
 * @throws {NotificationError} `NOTIFICATION_BAD_JSON` or `NOTIFICATION_OUT_OF_RANGE`, naming the field's path.
 */
export function notificationFromJson(value: unknown): Notification {
  const fields = new JsonFields(value, "");
  const format = fields.oneOf("format", notificationFormats) ?? fields.missing("format");
  const notification = readers[format](fields);
  fields.refuseOthers(credentialKeys);
  encodeNotification(notification);
  return notification;
}

/**
 * `password` and `nonce` of the JSON object that {@link notificationFromJson} takes, or `undefined` when it has no password.
 *
 * @throws {NotificationError} `NOTIFICATION_BAD_JSON`.
 */
export function credentialsFromJson(value: unknown): EncodeCredentials | undefined {
  const fields = new JsonFields(value, "");
  const password = fields.string("password");
  const nonce = fields.string("nonce");
  if (password === undefined && nonce !== undefined)
    fields.fail("nonce", "makes a digest only together with a password");
  return password === undefined ? undefined : { password, nonce: nonce ?? "" };
}

const readers: { readonly [Format in Notification["format"]]: (fields: JsonFields) => Notification } = {
  "ds-1.2": (fields) => {
    const extra = present({ syncs: readSyncs(fields), bodyFutureUse: fields.number("bodyFutureUse") });
    return createDsNotification({ ...readTrigger(fields, versions), ...extra });
  },
  "dm-1.2": (fields) => createDmNotification(readTrigger(fields, dmVersions)),
  "syncml-1.1-xml": (fields) => readSyncml(fields, "syncml-1.1-xml"),
  "syncml-1.1-wbxml": (fields) => readSyncml(fields, "syncml-1.1-wbxml"),
};

const versions = Object.keys(versionCodes) as NotificationVersion[];
const uiModes = Object.keys(uiModeCodes) as UiMode[];
const initiators = Object.keys(initiatorCodes) as Initiator[];

function readTrigger<Version extends NotificationVersion>(fields: JsonFields, allowed: readonly Version[]) {
  return {
    sessionId: fields.number("sessionId") ?? fields.missing("sessionId"),
    serverId: fields.string("serverId") ?? fields.missing("serverId"),
    ...present({
      version: fields.oneOf("version", allowed),
      uiMode: fields.oneOf("uiMode", uiModes),
      initiator: fields.oneOf("initiator", initiators),
      vendor: fields.hex("vendor"),
      digest: fields.hex("digest"),
      futureUse: fields.number("futureUse"),
    }),
  };
}

function readSyncml(fields: JsonFields, format: SyncmlNotification["format"]): SyncmlNotification {
  const syncs = readSyncs(fields);
  const syncType = fields.oneOf("syncType", syncTypes);
  if (syncs?.length && syncType !== undefined) fields.fail("syncType", "is for all datastores, when syncs is empty");
  return createSyncmlNotification({
    format,
    sessionId: fields.string("sessionId") ?? fields.missing("sessionId"),
    serverId: fields.string("serverId") ?? fields.missing("serverId"),
    ...present({
      version: fields.oneOf("version", versions),
      syncs,
      syncType,
      msgId: fields.string("msgId"),
      target: fields.string("target"),
    }),
  });
}

function readSyncs(fields: JsonFields): SyncAlert[] | undefined {
  return fields.array("syncs")?.map((entry) => {
    const sync: SyncAlert = {
      syncType: readSyncType(entry),
      contentType: entry.stringOrNull("contentType") ?? null,
      serverUri: entry.string("serverUri") ?? entry.missing("serverUri"),
      ...present({ futureUse: entry.number("futureUse") }),
    };
    entry.refuseOthers();
    return sync;
  });
}

function readSyncType(entry: JsonFields): SyncType {
  const named = entry.oneOf("syncType", syncTypes);
  const alertCode = entry.number("alertCode");
  if (alertCode === undefined) return named ?? entry.missing("syncType");
  const alerted = syncTypeOfAlertCode(alertCode) ?? entry.fail("alertCode", `must be 206 to 210, not ${alertCode}`);
  if (named !== undefined && named !== alerted) entry.fail("alertCode", `${alertCode} is ${alerted}, not ${named}`);
  return alerted;
}

/** The properties that are not `undefined`. */
function present<Properties extends object>(properties: Properties): Present<Properties> {
  const entries = Object.entries(properties).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Present<Properties>;
}

type Present<Properties> = { [Name in keyof Properties]?: Exclude<Properties[Name], undefined> };
