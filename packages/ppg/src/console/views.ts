import { describePapCode } from "@sip-push/pap";
import type { DeliveryState } from "../delivery/delivery.machine.ts";
import { reportIn } from "../delivery/report-reasons.ts";
import type { PushDetails } from "../push-details.ts";
import type { DeliveryPage, NotificationRecord, StateCounts, StoredPush, TimelineEntry } from "../store/types.ts";
import type { BreakerView } from "./open-breakers.ts";
import type { RatesView } from "./rate-ring.ts";

/* What the API of the console answers, as JSON. packages/console/src/api.d.ts says the same for the page. Times are wall times. */

/** A row of the list. */
export interface DeliveryView {
  readonly id: number;
  /** Id of its push. */
  readonly push: number;
  readonly pushId: string;
  readonly initiator: string;
  readonly address: string;
  readonly recipient: string;
  readonly state: DeliveryState;
  readonly papCode: number;
  readonly papText: string;
  readonly sipStatus: number | null;
  readonly reason: string;
  readonly attempts: number;
  /** When its push was. */
  readonly acceptedAtMs: number;
  /** When it last changed. */
  readonly atMs: number;
  /** When it goes on; null: it does not, or a node holds it. */
  readonly dueAtMs: number | null;
  readonly cancelRequested: boolean;
}

/** A page of deliveries, newest first. */
export interface DeliveryListView {
  readonly deliveries: readonly DeliveryView[];
  /** What to give as `after` for the next page; null: there is none. */
  readonly next: number | null;
}

/** A push without its octets. */
export interface PushView {
  readonly id: number;
  readonly pushId: string;
  readonly initiator: string;
  readonly acceptedAtMs: number;
  readonly contentType: string;
  readonly contentOctets: number;
  readonly hasCapabilities: boolean;
  readonly applicationId: string | null;
  readonly sourceReference: string | null;
  readonly papVersion: string | null;
  readonly priority: string;
  readonly deliveryMethod: string;
  readonly network: string | null;
  readonly bearer: string | null;
  readonly deliverAfterMs: number | null;
  readonly deliverBeforeMs: number | null;
  readonly notifyUrl: string | null;
}

/** An entry of a delivery's timeline. */
export interface TimelineView {
  readonly atMs: number;
  readonly state: DeliveryState;
  readonly sipStatus: number | null;
  readonly papCode: number;
  readonly papText: string;
  readonly reason: string;
  /** Of the attempt that ended in this; null: it is not about an attempt. */
  readonly attemptMs: number | null;
  /** Whether it is that a delivery report came, or that none did; null: neither. */
  readonly report: "came" | "missing" | null;
  /** Node that did it; null: intake, or the initiator. */
  readonly node: string | null;
}

/** How telling the initiator a result went. */
export interface NotificationView {
  readonly state: "queued" | "retry" | "accepted" | "abandoned";
  readonly attempts: number;
  /** When it is tried next; null: it waits for an earlier one of its push, or is settled. */
  readonly nextAtMs: number | null;
  readonly settledAtMs: number | null;
}

/** What happened to a delivery since it was accepted, and to its result; null: there is none, or nobody wants it. */
export interface DeliveryTimelineView {
  readonly entries: readonly TimelineView[];
  readonly notification: NotificationView | null;
}

/** The plots. State counts are of the database, the rest of this node. */
export interface OverviewView {
  readonly nowMs: number;
  readonly states: StateCounts;
  readonly rates: RatesView;
  readonly breakers: readonly BreakerView[];
}

/** How a test push was answered. */
export interface SubmitView {
  readonly pushId: string;
  readonly papCode: number;
  readonly papText: string;
  /** `desc` of the answer. */
  readonly description: string | null;
  /** Id of the push when it was accepted and is kept; null: it was not. */
  readonly push: number | null;
}

export function deliveryView(record: DeliveryPage["deliveries"][number]): DeliveryView {
  return {
    id: record.id,
    push: record.push,
    pushId: record.pushId,
    initiator: record.initiator,
    address: record.address,
    // An older gateway kept none for an address that nobody can be reached at.
    recipient: record.recipient || record.address,
    state: record.state,
    papCode: record.papCode,
    papText: describePapCode(record.papCode),
    sipStatus: record.sipStatus,
    reason: record.reason,
    attempts: record.attempts,
    acceptedAtMs: record.acceptedAtMs,
    atMs: record.eventAtMs,
    dueAtMs: record.owner === null ? record.dueAtMs : null,
    cancelRequested: record.cancelRequested,
  };
}

export function pushView(push: StoredPush): PushView {
  // Intake wrote it; null when something else did, such as a program on the store.
  const details = (push.applicationData ?? {}) as Partial<PushDetails>;
  return {
    id: push.id,
    pushId: push.pushId,
    initiator: push.initiator,
    acceptedAtMs: push.acceptedAtMs,
    contentType: push.contentType,
    contentOctets: push.content.length,
    hasCapabilities: push.capabilities !== null,
    applicationId: details.applicationId ?? null,
    sourceReference: details.sourceReference ?? null,
    papVersion: details.papVersion ?? null,
    priority: push.priority,
    deliveryMethod: push.deliveryMethod,
    network: details.network ?? null,
    bearer: details.bearer ?? null,
    deliverAfterMs: push.deliverAfterMs,
    deliverBeforeMs: push.deliverBeforeMs,
    notifyUrl: push.notifyUrl,
  };
}

export function timelineView(entry: TimelineEntry): TimelineView {
  return {
    atMs: entry.atMs,
    state: entry.state,
    sipStatus: entry.sipStatus,
    papCode: entry.papCode,
    papText: describePapCode(entry.papCode),
    reason: entry.reason,
    report: entry.attemptStartedAtMs === null ? reportIn(entry.reason) : null,
    attemptMs: entry.attemptStartedAtMs === null ? null : Math.max(0, entry.atMs - entry.attemptStartedAtMs),
    node: entry.owner,
  };
}

export function notificationView({ state, attempts, nextAtMs, settledAtMs }: NotificationRecord): NotificationView {
  return { state, attempts, nextAtMs, settledAtMs };
}
