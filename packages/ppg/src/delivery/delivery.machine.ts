import type { MessageState } from "@sip-push/push";

/** States that a delivery leaves again; towards the push initiator all of them are `pending`. */
export const liveStates = ["pending", "sending", "waiting-report", "retry-wait"] as const;
/** States that are never left: the final ones of PAP 2.x `message-state`. */
export const finalStates = [
  "delivered",
  "undeliverable",
  "expired",
  "aborted",
  "timeout",
  "cancelled",
  "rejected",
  "unknown",
] as const;

export type LiveState = (typeof liveStates)[number];
export type FinalState = (typeof finalStates)[number];

/**
 * One push on its way to one recipient.
 *
 * - `pending`: not tried yet, or handed back by a node that stopped. `sending`: a node has it under way.
 * - `retry-wait`: tried; waits for its time, or for the handset to register. `waiting-report`: accepted by the handset or a
 *   relay; waits for the delivery report.
 */
export type DeliveryState = LiveState | FinalState;

/**
 * - `due`: a node claimed it because its time has come. `leaseExpired`: a node claimed it that another left under way.
 * - `delivered`, `accepted` (202), `unavailable`, `absent` (not registered), `noAnswer`, `undeliverable`, `aborted`,
 *   `timedOut` (for good), `withdrawn`, `lost`: how an attempt ended; `deliveryEventOf` maps outcomes to them.
 * - `reportDelivered`, `reportFailed`, `reportUnknown`: the handset's delivery report (RFC 5438), the last word.
 * - `deadline`: the attempt ended because deliver-before has passed. `cancel`: the push initiator takes it back, or replaces it.
 * - `registered`: the handset registered. `release`: the node that holds it hands it back unsent. `reject`: refused at intake.
 *
 * `cancel`, `registered`, `release` and `reject` are for the store, which every node shares: its statements are held against this
 * table (`store/testdata/contract-machine.ts`). So is its claim, which is a first step only: it says `sending` of what may be sent,
 * and then the node that has it asks here about `due` or `leaseExpired`.
 */
export type DeliveryEvent =
  | "due"
  | "leaseExpired"
  | "delivered"
  | "accepted"
  | "unavailable"
  | "absent"
  | "noAnswer"
  | "undeliverable"
  | "aborted"
  | "timedOut"
  | "withdrawn"
  | "lost"
  | "reportDelivered"
  | "reportFailed"
  | "reportUnknown"
  | "deadline"
  | "cancel"
  | "registered"
  | "release"
  | "reject";

/**
 * `timeLeft`: deliver-before has not passed. `reportWanted`: a delivery report was asked for. `retryLeft`: the retry policy has
 * an attempt left. `cancelRequested`: the initiator took it back while it was under way. `handsetAnswered`: the last answer
 * was a 2xx of the handset itself, not a relay's 202. `confirmationRequired`: delivery-method `confirmed`. `overtaken`: it is to
 * replace a push where that is pending only, and that one has reached the recipient. `wasAbsent`: it waits because the handset
 * was not registered.
 */
export type DeliveryGuard =
  | "timeLeft"
  | "reportWanted"
  | "retryLeft"
  | "cancelRequested"
  | "handsetAnswered"
  | "confirmationRequired"
  | "overtaken"
  | "wasAbsent";

/**
 * `send`: start an attempt, always with the Call-ID of the delivery. `awaitReport`: due again when the report is overdue.
 * `scheduleRetry`: due again when the retry policy says. `awaitRegistration`: wake it when the handset registers. `wake`: due now,
 * or once the last time is long enough ago. `requestCancel`: note it for the end of the attempt. `finish`: record the result and
 * queue its notification.
 */
export type DeliveryAction =
  | "send"
  | "awaitReport"
  | "scheduleRetry"
  | "awaitRegistration"
  | "wake"
  | "requestCancel"
  | "finish";

/** Taken when all its guards hold; of several the first. */
export interface DeliveryTransition {
  readonly guards: readonly DeliveryGuard[];
  readonly actions: readonly DeliveryAction[];
  readonly next: DeliveryState;
}

type Row = Partial<Record<DeliveryEvent, readonly DeliveryTransition[]>>;

const when =
  (...guards: DeliveryGuard[]) =>
  (next: DeliveryState, ...actions: DeliveryAction[]): DeliveryTransition => ({ guards, actions, next });

const otherwise = when();
const end = (state: FinalState): DeliveryTransition => otherwise(state, "finish");
const cancelled = end("cancelled");
const expired = end("expired");
const begin = [when("timeLeft")("sending", "send"), expired];
const awaitReport = when("reportWanted")("waiting-report", "awaitReport");
const cancelledOnTheWay = when("cancelRequested")("cancelled", "finish");
const retryOr = (exhausted: FinalState, ...also: DeliveryAction[]): readonly DeliveryTransition[] => [
  cancelledOnTheWay,
  when("retryLeft", "timeLeft")("retry-wait", "scheduleRetry", ...also),
  when("timeLeft")(exhausted, "finish"),
  expired,
];
/** Where nothing is confirmed, the handset's own answer counts if that is enough: delivery-method `preferconfirmed`. */
const unconfirmed = [
  when("handsetAnswered", "confirmationRequired")("unknown", "finish"),
  when("handsetAnswered")("delivered", "finish"),
];
const reports: Row = {
  reportDelivered: [end("delivered")],
  reportFailed: [end("undeliverable")],
  reportUnknown: [...unconfirmed, end("unknown")],
};

/** PAP 2.x message states over SIP: RFC 3428 §4 and §7, RFC 5438; retries while deliver-before leaves time. */
export const deliveryMachine: Readonly<Record<DeliveryState, Row>> = {
  pending: {
    ...reports, // of an attempt whose node stopped
    due: [when("overtaken")("rejected", "finish"), ...begin],
    cancel: [cancelled],
    reject: [end("rejected")],
  },
  sending: {
    ...reports,
    delivered: [awaitReport, end("delivered")],
    // RFC 3428 §4: 202 is no proof of delivery, so without a report nobody can tell.
    accepted: [awaitReport, end("unknown")],
    unavailable: retryOr("undeliverable"),
    absent: retryOr("undeliverable", "awaitRegistration"),
    noAnswer: retryOr("timeout"),
    undeliverable: [end("undeliverable")],
    aborted: [end("aborted")],
    timedOut: [end("timeout")],
    withdrawn: [cancelled],
    lost: [end("unknown")],
    deadline: [expired],
    cancel: [otherwise("sending", "requestCancel")],
    release: [cancelledOnTheWay, otherwise("pending")],
    // Whether the dead node's request arrived is not known. Sent again it has the same Call-ID, so the receiver drops it.
    leaseExpired: [when("cancelRequested")("unknown", "finish"), when("timeLeft")("sending", "send"), end("unknown")],
  },
  "waiting-report": {
    ...reports,
    due: [...unconfirmed, end("timeout")],
    release: [otherwise("waiting-report")],
  },
  "retry-wait": {
    ...reports, // of an earlier attempt
    due: begin,
    registered: [when("wasAbsent")("retry-wait", "wake"), otherwise("retry-wait")],
    cancel: [cancelled],
  },
  delivered: {},
  undeliverable: {},
  expired: {},
  aborted: {},
  timeout: {},
  cancelled: {},
  rejected: {},
  unknown: {},
};

const isIn = <T extends string>(states: readonly T[]) => {
  const set: ReadonlySet<string> = new Set(states);
  return (state: string): state is T => set.has(state);
};

/** Whether a delivery in this state will never leave it. */
export const isFinal: (state: string) => state is FinalState = isIn(finalStates);
/** Whether it still has something ahead. */
export const isLive: (state: string) => state is LiveState = isIn(liveStates);

/** What the push initiator is told of a state. PAP 2.x `message-state`. */
export function messageStateOf(state: DeliveryState): MessageState {
  return isFinal(state) ? state : "pending";
}

/** The transition to take; undefined when the state does not permit the event, which is then ignored. */
export function deliveryTransition(
  state: DeliveryState,
  event: DeliveryEvent,
  holds: (guard: DeliveryGuard) => boolean,
): DeliveryTransition | undefined {
  return deliveryMachine[state][event]?.find(({ guards }) => guards.every(holds));
}
