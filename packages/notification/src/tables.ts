import { NotificationError } from "./errors.ts";
import type { Initiator, NotificationVersion, SyncType, UiMode } from "./types.ts";

/** ui-mode, 2 bits. OMA DS 1.2 / DM 1.2, notification header. */
export const uiModeCodes: Readonly<Record<UiMode, number>> = {
  "not-specified": 0b00,
  background: 0b01,
  informative: 0b10,
  "user-interaction": 0b11,
};

/** initiator, 1 bit. OMA DS 1.2 / DM 1.2, notification header. */
export const initiatorCodes: Readonly<Record<Initiator, number>> = { client: 0, server: 1 };

/** version, 10 bits: ten times the version number. DM 1.2 notifications say 1.1 (11), DS 1.2 ones 1.2 (12). */
export const versionCodes: Readonly<Record<NotificationVersion, number>> = { "1.0": 10, "1.1": 11, "1.2": 12 };

/** Alert codes of the SyncML representation protocol: what the server sends, and what the client answers it with. */
interface SyncAlertCodes {
  readonly serverAlertCode: number;
  readonly clientAlertCode: number;
}

/** Server alerts 206 to 210 and the client alerts with which the session is then opened (201, slow sync, has no server alert). */
export const syncAlertCodes: Readonly<Record<SyncType, SyncAlertCodes>> = {
  "two-way": { serverAlertCode: 206, clientAlertCode: 200 },
  "one-way-from-client": { serverAlertCode: 207, clientAlertCode: 202 },
  "refresh-from-client": { serverAlertCode: 208, clientAlertCode: 203 },
  "one-way-from-server": { serverAlertCode: 209, clientAlertCode: 204 },
  "refresh-from-server": { serverAlertCode: 210, clientAlertCode: 205 },
};

/** The DS notification's 4-bit sync type is the server alert code less this. */
export const SYNC_TYPE_BASE = 200;

/** All sync types, in the order of their alert codes. */
export const syncTypes: readonly SyncType[] = Object.keys(syncAlertCodes) as SyncType[];

const syncTypeByAlertCode = new Map(syncTypes.map((type) => [syncAlertCodes[type].serverAlertCode, type]));

/** Server alert code (206 to 210) of a sync type. */
export function alertCodeOf(syncType: SyncType): number {
  return syncAlertCodes[syncType].serverAlertCode;
}

/** Alert code (200, 202 to 205) with which the client opens the session that a server alert of this type asks for. */
export function clientAlertCodeOf(syncType: SyncType): number {
  return syncAlertCodes[syncType].clientAlertCode;
}

/** Sync type of a server alert code, or `null` when the code is not 206 to 210. */
export function syncTypeOfAlertCode(alertCode: number): SyncType | null {
  return syncTypeByAlertCode.get(alertCode) ?? null;
}

/** The name in `table` whose code is `code`, or `null`. */
export function nameOfCode<Name extends string>(table: Readonly<Record<Name, number>>, code: number): Name | null {
  for (const name of Object.keys(table) as Name[]) if (table[name] === code) return name;
  return null;
}

/** The row of `table` for `name`; callers without types may pass any name, so it is checked. */
export function lookUp<Name extends string, Row>(table: Readonly<Record<Name, Row>>, name: Name, field: string): Row {
  if (!Object.hasOwn(table, name)) {
    const problem = `must be one of ${Object.keys(table).join(", ")}, not ${JSON.stringify(name)}`;
    throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field });
  }
  return table[name];
}
