import { type MachineTable, type Row, to } from "../transaction/machine.ts";

export type SubscriberState =
  | "idle"
  | "notifyWait"
  | "pending"
  | "active"
  | "refreshingPending"
  | "refreshing"
  | "waiting"
  | "stopping"
  | "unsubscribing"
  | "ended";
export type SubscriberEvent =
  | "start"
  | "accepted" // 2xx to SUBSCRIBE
  | "acceptedQuietly" // 204: no NOTIFY will follow (RFC 5839)
  | "tooBrief" // 423 with Min-Expires, once
  | "refreshFailed" // an answer to a refresh, or none, that leaves the subscription as it is
  | "pending" // NOTIFY, state=pending
  | "active" // NOTIFY, state=active
  | "again" // it is gone, to be made anew at once
  | "later" // it is gone, to be made anew after a wait
  | "never" // it is gone for good
  | "timerN" // no NOTIFY within 64*T1, or no answer
  | "refreshDue"
  | "expired"
  | "retryDue"
  | "flowLost"
  | "flowLostAgain" // soon after it was lost before
  | "endpointClosed"
  | "stop"
  | "giveUp"; // the time for the end of it is over
export type SubscriberAction =
  | "subscribe"
  | "unsubscribe"
  | "raiseExpires"
  | "noteExpires"
  | "startRefresh"
  | "startRefreshRetry"
  | "startRetry"
  | "stopTimerN"
  | "stopTimers"
  | "forget" // dialog, request under way, timers
  | "reportState"
  | "reportLoss"
  | "reportEnded";

type SubscriberRow = Row<SubscriberState, SubscriberAction>;
type Rows = Readonly<Partial<Record<SubscriberEvent, SubscriberRow>>>;

/**
 * The subscription is gone, or was not made: "terminated" of figure 1, which is left at once, after a wait, or never. Here and
 * everywhere reports come last, for the one who hears them may stop it.
 */
const gone: Rows = {
  again: to("notifyWait", "forget", "subscribe", "reportLoss"),
  later: to("waiting", "forget", "startRetry", "reportLoss"),
  never: to("ended", "forget", "reportLoss", "reportEnded"),
  timerN: to("waiting", "forget", "startRetry", "reportLoss"),
  endpointClosed: to("ended", "forget", "reportEnded"),
};

/** Nothing more to wait for: the end of a subscription that is to end. */
const over: SubscriberRow = to("ended", "forget", "reportEnded");

/** "pending" and "active" of figure 1, with no SUBSCRIBE to wait for but one whose NOTIFY was faster than its answer. */
function established(state: "pending" | "active", during: "refreshingPending" | "refreshing"): Rows {
  return {
    ...gone,
    accepted: to(state, "noteExpires", "startRefresh"),
    acceptedQuietly: to(state, "noteExpires", "startRefresh"),
    refreshFailed: to(state, "startRefreshRetry"),
    tooBrief: to(during, "raiseExpires", "subscribe"),
    refreshDue: to(during, "subscribe"),
    flowLost: to(during, "subscribe"),
    flowLostAgain: to(state, "startRefreshRetry"),
    expired: to("waiting", "forget", "startRetry", "reportLoss"),
    stop: to("unsubscribing", "stopTimers", "unsubscribe"),
  };
}

/** The same while a SUBSCRIBE, and the NOTIFY it brings, are waited for: Timer N runs (§4.1.2.2). */
function refreshing(state: "refreshingPending" | "refreshing", back: "pending" | "active"): Rows {
  return {
    ...gone,
    pending: to("pending", "stopTimerN", "startRefresh", "reportState"),
    active: to("active", "stopTimerN", "startRefresh", "reportState"),
    accepted: to(state, "noteExpires"),
    acceptedQuietly: to(back, "stopTimerN", "noteExpires", "startRefresh", "reportState"),
    tooBrief: to(state, "raiseExpires", "subscribe"),
    refreshFailed: to(back, "stopTimerN", "startRefreshRetry"),
    stop: to("unsubscribing", "stopTimers", "unsubscribe"),
  };
}

/**
 * One subscription, kept alive until it is stopped. RFC 6665 §4.1.2, figure 1; what is beyond the figure: a refresh under
 * way (§4.1.2.2), the wait before another subscription (§4.1.3), the end (§4.1.2.3), and the loss of a connection.
 */
export const subscriber: MachineTable<SubscriberState, SubscriberEvent, SubscriberAction> = {
  idle: {
    start: to("notifyWait", "subscribe"),
    stop: over,
  },
  notifyWait: {
    ...gone,
    accepted: to("notifyWait", "noteExpires"),
    acceptedQuietly: to("notifyWait", "noteExpires"),
    tooBrief: to("notifyWait", "raiseExpires", "subscribe"),
    pending: to("pending", "stopTimerN", "startRefresh", "reportState"),
    active: to("active", "stopTimerN", "startRefresh", "reportState"),
    stop: to("stopping"),
  },
  pending: {
    ...established("pending", "refreshingPending"),
    pending: to("pending", "startRefresh"),
    active: to("active", "startRefresh", "reportState"),
  },
  active: {
    ...established("active", "refreshing"),
    pending: to("pending", "startRefresh", "reportState"),
    active: to("active", "startRefresh"),
  },
  refreshingPending: refreshing("refreshingPending", "pending"),
  refreshing: refreshing("refreshing", "active"),
  waiting: {
    retryDue: to("notifyWait", "subscribe"),
    endpointClosed: over,
    stop: over,
  },
  stopping: {
    pending: to("unsubscribing", "unsubscribe"),
    active: to("unsubscribing", "unsubscribe"),
    tooBrief: over,
    again: over,
    later: over,
    never: over,
    timerN: over,
    endpointClosed: over,
    giveUp: over,
  },
  unsubscribing: {
    tooBrief: over,
    refreshFailed: over,
    acceptedQuietly: over,
    again: over,
    later: over,
    never: over,
    timerN: over,
    endpointClosed: over,
    giveUp: over,
  },
  ended: {},
};
