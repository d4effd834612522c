import { NotificationError } from "./errors.ts";
import { checkInputSize, checkOutputSize } from "./limits.ts";
import { element, find, forbiddenCharacterIndex, type NewElement, type SyncmlElement, textOf } from "./syncml-tree.ts";
import { syncmlDocumentTypes } from "./syncml-versions.ts";
import { alertCodeOf, lookUp, syncAlertCodes, syncTypeOfAlertCode } from "./tables.ts";
import {
  type DecodeOptions,
  MAX_NOTIFICATION_OCTETS,
  type NotificationVersion,
  type SyncAlert,
  type SyncmlNotification,
  type SyncType,
} from "./types.ts";
import { encodeUtf8 } from "./utf8.ts";
import { decodeWbxml } from "./wbxml-decoder.ts";
import { encodeWbxml } from "./wbxml-encoder.ts";
import { readXml } from "./xml-reader.ts";
import { writeXml } from "./xml-writer.ts";

const DEFAULT_MSG_ID = "1";
const DEFAULT_TARGET = "/";

/**
 * Decodes a SyncML 1.0, 1.1 or 1.2 Package #0: a SyncML message with at least one server alert (206 to 210). Each Item of such
 * an Alert names a datastore; an Alert without Item means all datastores. Other commands and alerts are passed over.
 *
 * @param octets the whole body of the push.
 * @param format how the body is written, as its media type says.
 * @throws {NotificationError} any decoding code but `NOTIFICATION_UNSUPPORTED_CONTENT_TYPE`.
 */
export function decodeSyncml(
  octets: Uint8Array,
  format: SyncmlNotification["format"],
  options: DecodeOptions = {},
): SyncmlNotification {
  checkInputSize(octets, options);
  const isXml = format === "syncml-1.1-xml";
  const root = isXml ? readXml(octets) : decodeWbxml(octets, options.maxOctets ?? MAX_NOTIFICATION_OCTETS);
  if (root.name !== "SyncML") {
    const problem = `the root is ${root.name}, not SyncML`;
    throw new NotificationError("NOTIFICATION_BAD_SYNCML", problem, { field: "SyncML", offset: root.offset });
  }
  const header = child(root, "SyncHdr", "SyncHdr");
  const version = decodeVersion(header);
  const msgId = optionalText(header, "msgId", "MsgID") ?? DEFAULT_MSG_ID;
  const target = optionalText(header, "target", "Target", "LocURI") ?? DEFAULT_TARGET;
  return {
    format,
    version,
    sessionId: textAt(header, "sessionId", "SessionID"),
    serverId: textAt(header, "serverId", "Source", "LocURI"),
    ...decodeAlerts(child(root, "syncs", "SyncBody")),
    ...(msgId === DEFAULT_MSG_ID ? {} : { msgId }),
    ...(target === DEFAULT_TARGET ? {} : { target }),
  };
}

function decodeVersion(header: SyncmlElement): NotificationVersion {
  const text = textAt(header, "version", "VerDTD");
  if (!Object.hasOwn(syncmlDocumentTypes, text)) {
    const problem = `VerDTD ${JSON.stringify(text)} is not one of ${Object.keys(syncmlDocumentTypes).join(", ")}`;
    const details = { field: "version", offset: header.offset };
    throw new NotificationError("NOTIFICATION_UNSUPPORTED_VERSION", problem, details);
  }
  return text as NotificationVersion;
}

function decodeAlerts(body: SyncmlElement): Pick<SyncmlNotification, "syncs" | "syncType"> {
  const syncs: SyncAlert[] = [];
  let syncType: SyncType | null = null;
  for (const alert of body.children.filter(({ name }) => name === "Alert")) {
    const alerted = decodeAlertCode(alert, `syncs[${syncs.length}].syncType`);
    if (alerted === null) continue;
    syncType ??= alerted;
    for (const item of alert.children.filter(({ name }) => name === "Item")) {
      syncs.push(decodeItem(item, alerted, `syncs[${syncs.length}]`));
    }
  }
  if (syncType === null) {
    const details = { field: "syncs", offset: body.offset };
    throw new NotificationError("NOTIFICATION_BAD_SYNCML", "no server alert (206 to 210) in the SyncBody", details);
  }
  return syncs.length > 0 ? { syncs } : { syncs, syncType };
}

/** Sync type of a server alert; `null` for any other Alert. */
function decodeAlertCode(alert: SyncmlElement, field: string): SyncType | null {
  const text = (optionalText(alert, field, "Data") ?? "").trim();
  return /^[0-9]{1,4}$/.test(text) ? syncTypeOfAlertCode(Number(text)) : null;
}

function decodeItem(item: SyncmlElement, syncType: SyncType, path: string): SyncAlert {
  return {
    syncType,
    contentType: optionalText(item, `${path}.contentType`, "Meta", "Type") || null,
    serverUri: textAt(item, `${path}.serverUri`, "Source", "LocURI"),
  };
}

function child(from: SyncmlElement, field: string, ...path: readonly string[]): SyncmlElement {
  const found = find(from, ...path);
  if (found === undefined) {
    const problem = `${from.name} lacks ${path.join("/")}`;
    throw new NotificationError("NOTIFICATION_BAD_SYNCML", problem, { field, offset: from.offset });
  }
  return found;
}

function textAt(from: SyncmlElement, field: string, ...path: readonly string[]): string {
  return textOf(child(from, field, ...path), field);
}

function optionalText(from: SyncmlElement, field: string, ...path: readonly string[]): string | null {
  const found = find(from, ...path);
  return found === undefined ? null : textOf(found, field);
}

/**
 * Encodes a SyncML Package #0 as XML or WBXML, as `format` says: one Alert for each run of syncs of one type.
 *
 * @throws {NotificationError} `NOTIFICATION_OUT_OF_RANGE` naming the field, `NOTIFICATION_TOO_LARGE`.
 */
export function encodeSyncml(notification: SyncmlNotification): Uint8Array {
  const type = lookUp(syncmlDocumentTypes, notification.version, "version");
  const root = element("SyncML", [
    element("SyncHdr", [
      element("VerDTD", notification.version),
      element("VerProto", type.verProto),
      element("SessionID", checkText(notification.sessionId, "sessionId")),
      element("MsgID", checkText(notification.msgId ?? DEFAULT_MSG_ID, "msgId")),
      location("Target", notification.target ?? DEFAULT_TARGET, "target"),
      location("Source", notification.serverId, "serverId"),
    ]),
    element("SyncBody", [...encodeAlerts(notification), element("Final")]),
  ]);
  const isXml = notification.format === "syncml-1.1-xml";
  return checkOutputSize(isXml ? encodeUtf8(writeXml(root, type), "document") : encodeWbxml(root, type.wbxmlPublicId));
}

function encodeAlerts({ syncs, syncType }: SyncmlNotification): NewElement[] {
  const runs: { syncType: SyncType; items: NewElement[] }[] = [];
  if (syncs.length === 0) runs.push({ syncType: syncType ?? "two-way", items: [] });
  for (const [index, sync] of syncs.entries()) {
    const path = `syncs[${index}]`;
    lookUp(syncAlertCodes, sync.syncType, `${path}.syncType`);
    if (runs.at(-1)?.syncType !== sync.syncType) runs.push({ syncType: sync.syncType, items: [] });
    runs.at(-1)?.items.push(encodeItem(sync, path));
  }
  return runs.map((run, index) =>
    element("Alert", [
      element("CmdID", String(index + 1)),
      element("Data", String(alertCodeOf(run.syncType))),
      ...run.items,
    ]),
  );
}

function encodeItem(sync: SyncAlert, path: string): NewElement {
  if (sync.futureUse !== undefined) {
    const details = { field: `${path}.futureUse` };
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", "has no place in a SyncML document", details);
  }
  const source = location("Source", sync.serverUri, `${path}.serverUri`);
  if (sync.contentType === null) return element("Item", [source]);
  if (sync.contentType === "") {
    const details = { field: `${path}.contentType` };
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", "is empty; use null for unspecified", details);
  }
  const type = element("Type", checkText(sync.contentType, `${path}.contentType`));
  return element("Item", [source, element("Meta", [type])]);
}

function location(name: "Source" | "Target", uri: string, field: string): NewElement {
  return element(name, [element("LocURI", checkText(uri, field))]);
}

/** `text` when XML and WBXML can carry it. */
function checkText(text: string, field: string): string {
  if (forbiddenCharacterIndex(text) >= 0) {
    const problem = "holds a character that XML does not allow";
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field });
  }
  return text;
}

/** A SyncML Package #0 from its wanted fields: version 1.1, all datastores two-way unless `syncs` says otherwise. */
export function createSyncmlNotification(
  fields: Pick<SyncmlNotification, "format" | "sessionId" | "serverId"> & Partial<SyncmlNotification>,
): SyncmlNotification {
  const { syncs = [], syncType = "two-way", ...others } = fields;
  return { version: "1.1", ...others, syncs, ...(syncs.length > 0 ? {} : { syncType }) };
}
