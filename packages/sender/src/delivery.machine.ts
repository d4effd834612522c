import type { DeliveryAction } from "@sip-push/push";

/**
 * - `queued`: not sent yet. `asking`: what the handset can take; entering asks. `sending`: a request is under way; entering
 *   sends it. `waiting`: for the time to try again; entering starts the timer. `offline`: for the handset to register; entering
 *   watches for that. `reporting`: accepted, and the delivery report is to come; entering waits for it. `done`: entering
 *   reports.
 */
export type DeliveryState = "queued" | "asking" | "sending" | "waiting" | "offline" | "reporting" | "done";

/**
 * `start`; the action that the outcome table names for a result; `due`: the time for the next try, or the handset is registered,
 * or has answered; `reported`: the handset's delivery report is there, which is the last word whatever else came; `overdue`: what
 * is waited for did not come in time, or cannot be waited for; `abort`: the caller gave up; `close`: the sender closes.
 */
export type DeliveryEvent = "start" | DeliveryAction | "due" | "reported" | "overdue" | "abort" | "close";

/**
 * - `unknown`: nothing is known of the recipient, and it may be asked. `timeLeft`: deliver-before has not passed. `targetLeft`: a redirection named another URI, and the result does not forbid
 *   trying it. `representationLeft`: one that the answer allows and that was not offered. `optionToDrop`: a required option tag
 *   that the answer calls unsupported. `expiresToRaise`: the answer has a higher Min-Expires. `retryLeft`: the caller's retry
 *   option has a try left, and its time comes before deliver-before. `methodLeft`: another subscription of the recipient, or
 *   MESSAGE, is allowed and was not tried. `reportWanted`: it was accepted, and a delivery report is asked for.
 *   `mayRegister`: the result says that the handset is not there, and the caller waits for its registration.
 */
export type DeliveryGuard =
  | "unknown"
  | "timeLeft"
  | "targetLeft"
  | "representationLeft"
  | "optionToDrop"
  | "expiresToRaise"
  | "retryLeft"
  | "methodLeft"
  | "reportWanted"
  | "mayRegister";

export type DeliveryStep =
  | "takeTarget"
  | "takeRepresentation"
  | "dropOptions"
  | "raiseExpires"
  | "takeMethod"
  | "startOver"
  | "reportExpired"
  | "reportCancelled"
  | "report";

/** Taken when all its guards hold; of several the first. */
export interface DeliveryTransition {
  readonly guards: readonly DeliveryGuard[];
  readonly steps: readonly DeliveryStep[];
  readonly next: DeliveryState;
}

const when =
  (...guards: DeliveryGuard[]) =>
  (next: DeliveryState, ...steps: DeliveryStep[]): DeliveryTransition => ({ guards, steps, next });

const otherwise = when();
const report = otherwise("done", "report");
/** RFC 3261 §8.1.3.4: after a redirection a failure leads to the next URI of the target set. */
const nextTarget = when("targetLeft", "timeLeft")("sending", "takeTarget");
const retry = when("retryLeft")("waiting");
const nextMethod = when("methodLeft", "timeLeft")("sending", "takeMethod");
const awaitReport = when("reportWanted")("reporting");
const awaitRegistration = when("mayRegister", "timeLeft")("offline");
const cancelled = otherwise("done", "reportCancelled");
const begin = [when("timeLeft")("sending"), otherwise("done", "reportExpired")];
const again = [when("timeLeft")("sending", "startOver"), report];

type Row = Partial<Record<DeliveryEvent, readonly DeliveryTransition[]>>;

/**
 * One push on its way to one recipient. `authenticate` and `nextTarget` were done by the request sender when they come here,
 * and led nowhere. Large content is not offered yet, so `sendLarge` and what belongs to MSRP end here.
 */
export const deliveryMachine: Readonly<Record<DeliveryState, Row>> = {
  queued: {
    start: [when("unknown", "timeLeft")("asking"), ...begin],
    abort: [cancelled],
  },
  asking: {
    due: begin,
    abort: [cancelled],
    // Sending then says that the sender is closed.
    close: begin,
  },
  sending: {
    reported: [report],
    finish: [awaitReport, nextTarget, awaitRegistration, report],
    waitForReport: [awaitReport, report],
    follow: [nextTarget, report],
    authenticate: [nextTarget, report],
    reOffer: [when("representationLeft", "timeLeft")("sending", "takeRepresentation"), nextTarget, report],
    dropOption: [when("optionToDrop", "timeLeft")("sending", "dropOptions"), nextTarget, report],
    raiseExpires: [when("expiresToRaise", "timeLeft")("sending", "raiseExpires"), nextTarget, report],
    sendLarge: [nextTarget, report],
    otherMethod: [nextMethod, nextTarget, report],
    removeSubscription: [nextMethod, nextTarget, awaitRegistration, report],
    fallBackToMessage: [nextMethod, nextTarget, report],
    reconnect: [nextTarget, report],
    retry: [nextTarget, awaitRegistration, retry, report],
    nextTarget: [nextTarget, retry, report],
  },
  waiting: {
    due: again,
    reported: [report],
    abort: [cancelled],
    close: [report],
  },
  offline: {
    due: again,
    reported: [report],
    overdue: [report],
    abort: [cancelled],
    close: [report],
  },
  reporting: {
    reported: [report],
    overdue: [report],
    abort: [cancelled],
    close: [report],
  },
  done: {},
};
