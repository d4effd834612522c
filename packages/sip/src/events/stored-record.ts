import { Dialog, type DialogState } from "../dialog/index.ts";
import type { Params } from "../message/index.ts";
import type { SubscriptionInit } from "./notifier-host.ts";
import type { SubscriptionRecord } from "./subscription-store.ts";

type Checks<T> = Readonly<Record<keyof T, (value: unknown) => boolean>>;

const MAX_SEQ = 0xffff_ffff;

const isText = (value: unknown): boolean => typeof value === "string";
const isTextOrNull = (value: unknown): boolean => value === null || isText(value);
const isSeq = (value: unknown): boolean => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= MAX_SEQ;
const isListOf = (value: unknown, check: (element: unknown) => boolean): boolean =>
  Array.isArray(value) && value.every(check);

const dialogChecks: Checks<DialogState> = {
  callId: isText,
  localTag: (value) => isText(value) && value !== "",
  remoteTag: isText,
  localUri: isText,
  remoteUri: isText,
  localSeq: isSeq,
  remoteSeq: (value) => value === null || isSeq(value),
  routeSet: (value) => isListOf(value, isText),
  remoteTarget: isText,
  secure: (value) => typeof value === "boolean",
};

const recordChecks: Checks<SubscriptionRecord> = {
  id: isText,
  package: isText,
  eventId: isTextOrNull,
  eventParams: (value) => isListOf(value, (pair) => isListOf(pair, isTextOrNull) && isText((pair as unknown[])[0])),
  state: (value) => value === "pending" || value === "active",
  dialog: (value) => problemOf(value, dialogChecks) === undefined,
  expiresAt: (value) => isText(value) && !Number.isNaN(Date.parse(String(value))),
  resource: isText,
  subscriber: isText,
  accept: (value) => isListOf(value, isText),
  applicationData: (value) => value !== undefined,
};

/**
 * What a store gave back, checked: it may have been written by another version, or damaged.
 *
 * @throws {TypeError} naming what is wrong.
 */
export function checkedRecord(given: unknown, eventPackage: string): SubscriptionRecord {
  const problem = problemOf(given, recordChecks);
  if (problem !== undefined) throw new TypeError(`subscription record: ${problem}`);
  const record = given as SubscriptionRecord;
  if (record.package !== eventPackage) throw new TypeError("subscription record: of another package");
  if (record.id !== record.dialog.localTag) throw new TypeError("subscription record: id is not the tag");
  return record;
}

/** A subscription that goes on, with so much time left. */
export function initOf(record: SubscriptionRecord, expiresSeconds: number): SubscriptionInit {
  const { eventId, state, resource, subscriber, accept, applicationData } = record;
  const params: Params = new Map(record.eventParams);
  if (eventId !== null) params.set("id", eventId);
  const event = { package: record.package, ...(eventId === null ? {} : { id: eventId }), params };
  const dialog = new Dialog(record.dialog);
  return { state, resource, subscriber, accept, applicationData, event, dialog, flow: undefined, expiresSeconds };
}

function problemOf<T>(given: unknown, checks: Checks<T>): string | undefined {
  if (typeof given !== "object" || given === null) return "no object";
  const values = given as Readonly<Record<string, unknown>>;
  return (Object.keys(checks) as Array<keyof T & string>).find((name) => !checks[name](values[name]));
}
