/* What the API of the console answers, as JSON; packages/ppg/src/console/views.ts says the same. Times are wall times. */

export type DeliveryState =
  | "pending"
  | "sending"
  | "waiting-report"
  | "retry-wait"
  | "delivered"
  | "undeliverable"
  | "expired"
  | "aborted"
  | "timeout"
  | "cancelled"
  | "rejected"
  | "unknown";

/** Who is logged in. */
export interface SessionView {
  readonly user: string;
  readonly node: string;
  readonly maySubmit: boolean;
}

/** A row of the list. */
export interface DeliveryView {
  readonly id: number;
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
  readonly acceptedAtMs: number;
  readonly atMs: number;
  readonly dueAtMs: number | null;
  readonly cancelRequested: boolean;
}

/** A page of deliveries, newest first. */
export interface DeliveryListView {
  readonly deliveries: readonly DeliveryView[];
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
  readonly attemptMs: number | null;
  readonly report: "came" | "missing" | null;
  readonly node: string | null;
}

/** How telling the initiator a result went. */
export interface NotificationView {
  readonly state: "queued" | "retry" | "accepted" | "abandoned";
  readonly attempts: number;
  readonly nextAtMs: number | null;
  readonly settledAtMs: number | null;
}

/** What happened to a delivery since it was accepted, and to its result. */
export interface DeliveryTimelineView {
  readonly entries: readonly TimelineView[];
  readonly notification: NotificationView | null;
}

/** Rates per second over the last minutes, oldest first. */
export interface RatesView {
  readonly startMs: number;
  readonly slotMs: number;
  readonly accepted: readonly number[];
  readonly delivered: readonly number[];
  readonly failed: readonly number[];
  readonly attempts: readonly number[];
}

/** A destination that is not sent to as usual. */
export interface BreakerView {
  readonly destination: string;
  readonly phase: "open" | "half-open";
  readonly sinceMs: number;
}

/** The plots. */
export interface OverviewView {
  readonly nowMs: number;
  readonly states: Readonly<Record<DeliveryState, number>>;
  readonly rates: RatesView;
  readonly breakers: readonly BreakerView[];
}

/** How a test push was answered. */
export interface SubmitView {
  readonly pushId: string;
  readonly papCode: number;
  readonly papText: string;
  readonly description: string | null;
  readonly push: number | null;
}

/** What became of a cancellation at each address. */
export interface CancelView {
  readonly addresses: ReadonlyArray<{
    readonly address: string;
    readonly verdict: "cancelled" | "requested" | "notPossible" | "addressNotFound";
  }>;
}

/** What changed of a delivery. */
export type DeliveryChange = Pick<DeliveryView, "id" | "push" | "atMs"> &
  Partial<Pick<DeliveryView, "state" | "papCode" | "papText" | "sipStatus" | "reason" | "attempts">>;

/** One message of the live stream. */
export interface ChangesMessage {
  readonly changes: readonly DeliveryChange[];
  readonly refetch: boolean;
}

/** One field of a form that cannot be taken as it is. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}
