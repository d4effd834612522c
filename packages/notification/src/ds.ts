import { OctetReader, OctetWriter } from "./bits.ts";
import { NotificationError } from "./errors.ts";
import { decodeHeader, encodeHeader, type HeaderProfile } from "./header.ts";
import { checkInputSize, checkInteger, checkOutputSize, encodeText8 } from "./limits.ts";
import { alertCodeOf, lookUp, SYNC_TYPE_BASE, syncAlertCodes, syncTypeOfAlertCode } from "./tables.ts";
import {
  type DecodeOptions,
  DIGEST_OCTETS,
  type DsNotification,
  MAX_DS_SYNCS,
  type NotificationVersion,
  type SyncAlert,
} from "./types.ts";
import { contentTypeOfWspCode, wspCodeOfContentType } from "./wsp-content-types.ts";

/** DS 1.2 says version 1.2; servers for older clients say 1.1 or 1.0 in the same layout. */
const profile: HeaderProfile<NotificationVersion> = { versions: ["1.2", "1.1", "1.0"], minSessionId: 0 };

const MAX_NIBBLE = 0xf;

/**
 * Decodes a DS 1.2 Server Alerted Notification.
 *
 * Spec: OMA DS 1.2, "Server Alerted Notification". After the header (`header.ts`) come num-syncs and future use (4 bits
 * each), then per sync the sync type and future use (4 bits each), a content type (24 bits), and a URI with its length octet.
 * Tolerates: future-use bits that are not zero (kept), no syncs (all datastores), octets after the last sync (`vendor`).
 * Does not check the digest: see `verifyDigest`.
 *
 * @param octets the whole body of the push, 25 octets or more.
 * @throws {NotificationError} `NOTIFICATION_TRUNCATED`, `_TOO_LARGE`, `_BAD_VALUE`, `_BAD_UTF8` or `_UNSUPPORTED_VERSION`.
 */
export function decodeDs(octets: Uint8Array, options: DecodeOptions = {}): DsNotification {
  checkInputSize(octets, options);
  const reader = new OctetReader(octets);
  const header = decodeHeader(reader, profile);
  const counts = reader.uint(1, "syncs");
  const bodyFutureUse = counts & 0xf;
  const syncs: SyncAlert[] = [];
  for (let index = 0; index < counts >>> 4; index++) syncs.push(decodeSync(reader, `syncs[${index}]`));
  return {
    format: "ds-1.2",
    ...header,
    syncs,
    vendor: reader.rest("vendor"),
    ...(bodyFutureUse === 0 ? {} : { bodyFutureUse }),
  };
}

function decodeSync(reader: OctetReader, path: string): SyncAlert {
  const offset = reader.offset;
  const octet = reader.uint(1, `${path}.syncType`);
  const futureUse = octet & 0xf;
  const syncType = syncTypeOfAlertCode(SYNC_TYPE_BASE + (octet >>> 4));
  if (syncType === null) {
    const problem = `${octet >>> 4} is reserved (6 to 10 are defined)`;
    throw new NotificationError("NOTIFICATION_BAD_VALUE", problem, { field: `${path}.syncType`, offset });
  }
  const contentType = contentTypeOfWspCode(reader.uint(3, `${path}.contentType`));
  const serverUri = reader.text8(`${path}.serverUri`);
  return { syncType, contentType, serverUri, ...(futureUse === 0 ? {} : { futureUse }) };
}

/**
 * Encodes a DS 1.2 Server Alerted Notification with the digest that it holds.
 *
 * @throws {NotificationError} `NOTIFICATION_OUT_OF_RANGE` naming the field, `NOTIFICATION_TOO_LARGE`.
 */
export function encodeDs(notification: DsNotification): Uint8Array {
  const { syncs, vendor } = notification;
  const writer = new OctetWriter();
  encodeHeader(writer, notification, profile);
  if (syncs.length > MAX_DS_SYNCS) {
    const problem = `has ${syncs.length} entries, the limit is ${MAX_DS_SYNCS}`;
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field: "syncs" });
  }
  const bodyFutureUse = checkInteger(notification.bodyFutureUse ?? 0, 0, MAX_NIBBLE, "bodyFutureUse");
  writer.uint(1, (syncs.length << 4) | bodyFutureUse);
  for (const [index, sync] of syncs.entries()) encodeSync(writer, sync, `syncs[${index}]`);
  return checkOutputSize(writer.octets(vendor).toOctets());
}

function encodeSync(writer: OctetWriter, sync: SyncAlert, path: string): void {
  lookUp(syncAlertCodes, sync.syncType, `${path}.syncType`);
  const futureUse = checkInteger(sync.futureUse ?? 0, 0, MAX_NIBBLE, `${path}.futureUse`);
  writer
    .uint(1, ((alertCodeOf(sync.syncType) - SYNC_TYPE_BASE) << 4) | futureUse)
    .uint(3, wspCodeOfContentType(sync.contentType, `${path}.contentType`))
    .octets8(encodeText8(sync.serverUri, `${path}.serverUri`));
}

/** A DS notification from its wanted fields: version 1.2, initiated by the server, all datastores, no vendor octets, no digest. */
export function createDsNotification(
  fields: Pick<DsNotification, "sessionId" | "serverId"> & Partial<DsNotification>,
): DsNotification {
  return {
    version: "1.2",
    uiMode: "not-specified",
    initiator: "server",
    syncs: [],
    vendor: new Uint8Array(0),
    digest: new Uint8Array(DIGEST_OCTETS),
    ...fields,
    format: "ds-1.2",
  };
}
