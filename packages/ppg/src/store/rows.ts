import { randomBytes } from "node:crypto";
import type { DeliveryMethod, Priority, papCodes } from "@sip-push/pap";
import type { JsonValue } from "@sip-push/sip";
import {
  type DeliveryState,
  type FinalState,
  finalStates,
  type LiveState,
  liveStates,
} from "../delivery/delivery.machine.ts";
import { StoreError } from "./errors.ts";
import type {
  ClaimedDelivery,
  DeliveryAdvance,
  DeliveryRecord,
  FoundDelivery,
  NotificationRecord,
  PushSubmission,
  ResultNotification,
  StateCounts,
  StoredPush,
  TakenBack,
  TimelineEntry,
} from "./types.ts";

/* Rows as both databases give them, column by column, and what they mean. */

export interface PushRow {
  readonly id: number;
  readonly initiator: string;
  readonly push_id: string;
  readonly accepted_at: number;
  readonly deliver_after: number | null;
  readonly deliver_before: number | null;
  readonly priority: number;
  readonly delivery_method: string;
  readonly notify_url: string | null;
  readonly progress_notes: number;
  readonly content_type: string;
  readonly content: Uint8Array;
  readonly capabilities: Uint8Array | null;
  readonly application_data: string;
}

export interface DeliveryRow {
  readonly id: number;
  readonly push: number;
  readonly address: string;
  readonly recipient: string;
  readonly priority: number;
  readonly state: string;
  readonly due_at: number | null;
  readonly owner: string | null;
  readonly version: number;
  readonly attempts: number;
  readonly call_token: string;
  readonly sip_status: number | null;
  readonly pap_code: number;
  readonly reason: string;
  readonly event_at: number;
  readonly cancel_requested: number;
}

export type FoundRow = DeliveryRow & Pick<PushRow, "initiator" | "push_id" | "accepted_at">;

/** What is told of a delivery that was taken back, besides its change. */
export interface TakenBackRow
  extends Pick<DeliveryRow, "id" | "push" | "recipient">,
    Pick<PushRow, "initiator" | "push_id" | "accepted_at"> {}

/** A final delivery whose push wants results, and how far its push is. */
export interface ToldRow {
  readonly delivery: number;
  readonly sequence: number;
  readonly told: string | null;
  readonly told_attempts: number | null;
  readonly told_at: number | null;
  readonly notified: number;
  readonly notify_attempts: number;
  readonly notify_due_at: number | null;
}

/** A line of JSON in a delivery's `timeline`. */
type TimelineLine = readonly [
  version: number,
  atMs: number,
  state: string,
  sipStatus: number | null,
  papCode: number,
  reason: string,
  startedAtMs: number | null,
  owner: string | null,
];

export interface NotificationRow {
  readonly push: number;
  readonly result_seq: number;
  readonly notify_attempts: number;
  readonly notify_url: string;
  readonly initiator: string;
  readonly push_id: string;
  readonly accepted_at: number;
  readonly address: string;
  readonly state: string;
  readonly pap_code: number;
  readonly reason: string;
  readonly event_at: number;
  readonly priority: number;
  readonly delivery_method: string;
  readonly application_data: string;
}

/** All columns of a push but its octets. */
export const PUSH_SUMMARY_COLUMNS =
  "id, initiator, push_id, accepted_at, deliver_after, deliver_before, priority, delivery_method, notify_url, progress_notes, content_type, application_data";
export const DELIVERY_COLUMNS =
  "id, push, address, recipient, priority, state, due_at, owner, version, attempts, call_token, sip_status, pap_code, reason, event_at, cancel_requested";

export const PUSH_COLUMNS: string = `${PUSH_SUMMARY_COLUMNS}, capabilities, content`;

// Not imported as values: the thread that has the database loads nothing else.
export const acceptedForProcessing: (typeof papCodes)["acceptedForProcessing"] = 1001;
const priorities: readonly Priority[] = ["high", "medium", "low"];

export const priorityNumber = (priority: Priority): number => priorities.indexOf(priority);
const priorityOf = (number: number): Priority => priorities[number] ?? "medium";

/** 96 random bits. */
const TOKEN_OCTETS = 12;
const pool = { octets: Buffer.alloc(0), used: 0 };

/** Random part of a Call-ID: nobody guesses that of another's push. */
export function newCallToken(): string {
  if (pool.used === pool.octets.length) {
    pool.octets = randomBytes(TOKEN_OCTETS * 512);
    pool.used = 0;
  }
  pool.used += TOKEN_OCTETS;
  return pool.octets.toString("base64url", pool.used - TOKEN_OCTETS, pool.used);
}

/** RFC 3261 §8.1.1.4: unique in space and time. It starts with the delivery's id, so it needs no index to be found. */
export function callIdOf(row: Pick<DeliveryRow, "id" | "call_token">): string {
  return `${row.id.toString(36)}.${row.call_token}`;
}

/** The id in a Call-ID; undefined: none of ours. */
export function idOfCallId(callId: string): number | undefined {
  const [text] = /^[0-9a-z]{1,11}(?=\.)/.exec(callId) ?? [];
  return text === undefined ? undefined : Number.parseInt(text, 36);
}

/** When a new delivery is first looked at: at deliver-after, and not later than deliver-before. */
export function firstDueMs(deliverAfterMs: number | null, deliverBeforeMs: number | null, nowMs: number): number {
  const dueMs = Math.max(nowMs, deliverAfterMs ?? nowMs);
  return Math.min(dueMs, deliverBeforeMs ?? dueMs);
}

/** @throws {StoreError} `STORE_BAD_INPUT` */
export function checkSubmission({ recipients, pushId }: PushSubmission): void {
  const addresses = new Set(recipients.map(({ address }) => address));
  if (addresses.size === 0) throw new StoreError("STORE_BAD_INPUT", `push ${pushId}: no recipients`);
  if (addresses.size < recipients.length)
    throw new StoreError("STORE_BAD_INPUT", `push ${pushId}: the same address twice`);
}

/** @throws {StoreError} `STORE_BAD_INPUT` */
export function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1) throw new StoreError("STORE_BAD_INPUT", `limit: ${limit}`);
}

export function pushSummaryOf(
  row: Omit<PushRow, "content" | "capabilities">,
): Omit<StoredPush, "content" | "capabilities"> {
  return {
    id: row.id,
    initiator: row.initiator,
    pushId: row.push_id,
    acceptedAtMs: row.accepted_at,
    priority: priorityOf(row.priority),
    deliveryMethod: row.delivery_method as DeliveryMethod,
    deliverAfterMs: row.deliver_after,
    deliverBeforeMs: row.deliver_before,
    notifyUrl: row.notify_url,
    progressNotesRequested: row.progress_notes === 1,
    contentType: row.content_type,
    applicationData: JSON.parse(row.application_data) as JsonValue,
  };
}

const octets = (value: Uint8Array): Uint8Array => new Uint8Array(value.buffer, value.byteOffset, value.byteLength);

export function pushOf(row: PushRow): StoredPush {
  const capabilities = row.capabilities === null ? null : octets(row.capabilities);
  return { ...pushSummaryOf(row), content: octets(row.content), capabilities };
}

export function deliveryOf(row: DeliveryRow): DeliveryRecord {
  return {
    id: row.id,
    push: row.push,
    address: row.address,
    recipient: row.recipient,
    priority: priorityOf(row.priority),
    state: row.state as DeliveryState,
    dueAtMs: row.due_at,
    owner: row.owner,
    version: row.version,
    attempts: row.attempts,
    callId: callIdOf(row),
    sipStatus: row.sip_status,
    papCode: row.pap_code,
    reason: row.reason,
    eventAtMs: row.event_at,
    cancelRequested: row.cancel_requested !== 0,
  };
}

/** What a claim finds out about a delivery. */
export interface Finding {
  readonly wokenFrom: string;
  readonly overtaken: boolean;
}

/** @param row as it is after the claim. */
export function claimedOf(row: DeliveryRow, { wokenFrom, overtaken }: Finding, content: StoredPush): ClaimedDelivery {
  const { owner, state, ...rest } = deliveryOf(row);
  return {
    ...rest,
    owner: owner ?? "",
    state: state === "waiting-report" ? state : "sending",
    wokenFrom: wokenFrom as LiveState,
    overtaken,
    content,
  };
}

/** What a change adds to the delivery's timeline. */
export function timelineLine(version: number, change: Omit<DeliveryAdvance, "lease">, owner: string | null): string {
  const { atMs, to, sipStatus, papCode, reason, attemptStartedAtMs } = change;
  const line: TimelineLine = [version, atMs, to, sipStatus, papCode, reason, attemptStartedAtMs, owner];
  return `${JSON.stringify(line)}\n`;
}

export function timelineOfText(text: string): TimelineEntry[] {
  const lines = text.split("\n").slice(0, -1);
  return lines.map((line) => {
    const [version, atMs, state, sipStatus, papCode, reason, attemptStartedAtMs, owner] = JSON.parse(
      line,
    ) as TimelineLine;
    return { version, atMs, state: state as DeliveryState, sipStatus, papCode, reason, attemptStartedAtMs, owner };
  });
}

export function foundOf(row: FoundRow): FoundDelivery {
  return { ...deliveryOf(row), initiator: row.initiator, pushId: row.push_id, acceptedAtMs: row.accepted_at };
}

/** @param change that took it back. */
export function takenBackOf(row: TakenBackRow, from: string, change: Omit<DeliveryAdvance, "lease">): TakenBack {
  const { atMs, sipStatus, papCode, reason } = change;
  return {
    push: row.push,
    pushId: row.push_id,
    initiator: row.initiator,
    acceptedAtMs: row.accepted_at,
    delivery: row.id,
    recipient: row.recipient,
    from: from as LiveState,
    ...{ atMs, sipStatus, papCode, reason },
  };
}

export function toldOf(row: ToldRow): NotificationRecord {
  const { delivery, sequence } = row;
  if (row.told !== null) {
    const state = row.told === "abandoned" ? "abandoned" : "accepted";
    return { delivery, sequence, state, attempts: row.told_attempts ?? 0, nextAtMs: null, settledAtMs: row.told_at };
  }
  // Only the first that is not settled was tried.
  const attempts = sequence === row.notified + 1 ? row.notify_attempts : 0;
  const nextAtMs = sequence === row.notified + 1 ? row.notify_due_at : null;
  return { delivery, sequence, state: attempts > 0 ? "retry" : "queued", attempts, nextAtMs, settledAtMs: null };
}

export function notificationOf(row: NotificationRow, owner: string): ResultNotification {
  return {
    push: row.push,
    owner,
    sequence: row.result_seq,
    attempts: row.notify_attempts,
    notifyUrl: row.notify_url,
    initiator: row.initiator,
    pushId: row.push_id,
    address: row.address,
    messageState: row.state as FinalState,
    papCode: row.pap_code,
    reason: row.reason,
    receivedAtMs: row.accepted_at,
    eventAtMs: row.event_at,
    priority: priorityOf(row.priority),
    deliveryMethod: row.delivery_method as DeliveryMethod,
    applicationData: JSON.parse(row.application_data) as JsonValue,
  };
}

export function stateCountsOf(rows: readonly { readonly state: string; readonly n: number }[]): StateCounts {
  const counts = new Map(rows.map(({ state, n }) => [state, n]));
  const states: readonly DeliveryState[] = [...liveStates, ...finalStates];
  return Object.fromEntries(states.map((state) => [state, counts.get(state) ?? 0])) as Record<DeliveryState, number>;
}
