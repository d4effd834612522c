import { OctetReader, OctetWriter } from "./bits.ts";
import { NotificationError } from "./errors.ts";
import { checkInteger, encodeText8 } from "./limits.ts";
import { initiatorCodes, lookUp, nameOfCode, uiModeCodes, versionCodes } from "./tables.ts";
import { DIGEST_OCTETS, type Initiator, type NotificationVersion, type UiMode } from "./types.ts";

/**
 * The 24 octets and server identifier with which DS and DM notifications begin (OMA DS 1.2 and DM 1.2, "notification-hdr").
 *
 * ```
 * octet  0        16      18         21           23       24
 *        | digest | v u i | future   | session id | length | server identifier
 * bits     128      10 2 1  27         16           8        8 * length
 * ```
 * The version's ten bits reach into octet 17, where ui-mode (bits 5, 4) and initiator (bit 3) follow.
 */
export interface TriggerHeader<Version extends NotificationVersion> {
  readonly version: Version;
  readonly uiMode: UiMode;
  readonly initiator: Initiator;
  readonly sessionId: number;
  readonly serverId: string;
  readonly digest: Uint8Array;
  readonly futureUse?: number;
}

const MAX_FUTURE_USE = 2 ** 27 - 1;
const MAX_SESSION_ID = 0xffff;

/** What DS and DM do not have in common. */
export interface HeaderProfile<Version extends NotificationVersion> {
  readonly versions: readonly Version[];
  readonly minSessionId: number;
}

/** Reads the header; `profile` says what the format allows. */
export function decodeHeader<Version extends NotificationVersion>(
  reader: OctetReader,
  profile: HeaderProfile<Version>,
): TriggerHeader<Version> {
  const digest = reader.take(DIGEST_OCTETS, "digest");
  const modesOffset = reader.offset;
  const modes = reader.uint(2, "version");
  const version = decodeVersion(modes >>> 6, profile.versions, modesOffset);
  const futureUse = (modes & 0b111) * 2 ** 24 + reader.uint(3, "futureUse");
  const sessionIdOffset = reader.offset;
  const sessionId = reader.uint(2, "sessionId");
  if (sessionId < profile.minSessionId) {
    const problem = `${sessionId} is below ${profile.minSessionId}`;
    throw new NotificationError("NOTIFICATION_BAD_VALUE", problem, { field: "sessionId", offset: sessionIdOffset });
  }
  return {
    version,
    // Every value of the 2 bits and of the 1 bit has a name.
    uiMode: nameOfCode(uiModeCodes, (modes >>> 4) & 0b11) as UiMode,
    initiator: nameOfCode(initiatorCodes, (modes >>> 3) & 0b1) as Initiator,
    sessionId,
    serverId: reader.text8("serverId"),
    digest,
    ...(futureUse === 0 ? {} : { futureUse }),
  };
}

function decodeVersion<Version extends NotificationVersion>(
  code: number,
  versions: readonly Version[],
  offset: number,
): Version {
  const version = versions.find((candidate) => versionCodes[candidate] === code);
  if (version === undefined) {
    const problem = `${code / 10} is not one of ${versions.join(", ")}`;
    throw new NotificationError("NOTIFICATION_UNSUPPORTED_VERSION", problem, { field: "version", offset });
  }
  return version;
}

/** Writes the header, its digest included. */
export function encodeHeader<Version extends NotificationVersion>(
  writer: OctetWriter,
  header: TriggerHeader<Version>,
  profile: HeaderProfile<Version>,
): void {
  if (!profile.versions.includes(header.version)) {
    const problem = `must be one of ${profile.versions.join(", ")}, not ${JSON.stringify(header.version)}`;
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field: "version" });
  }
  if (header.digest.length !== DIGEST_OCTETS) {
    const problem = `must have ${DIGEST_OCTETS} octets, not ${header.digest.length}`;
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field: "digest" });
  }
  const uiMode = lookUp(uiModeCodes, header.uiMode, "uiMode");
  const initiator = lookUp(initiatorCodes, header.initiator, "initiator");
  const futureUse = checkInteger(header.futureUse ?? 0, 0, MAX_FUTURE_USE, "futureUse");
  writer
    .octets(header.digest)
    .uint(2, (versionCodes[header.version] << 6) | (uiMode << 4) | (initiator << 3) | (futureUse >>> 24))
    .uint(3, futureUse & 0xffffff)
    .uint(2, checkInteger(header.sessionId, profile.minSessionId, MAX_SESSION_ID, "sessionId"))
    .octets8(encodeText8(header.serverId, "serverId"));
}
