import type { DeliveryAction } from "@sip-push/push";

/**
 * - `queued`: not sent yet. `sending`: a request is under way; entering sends it. `waiting`: for the time to try again;
 *   entering starts the timer. `done`: entering reports.
 */
export type DeliveryState = "queued" | "sending" | "waiting" | "done";

/**
 * `start`; the action that the outcome table names for a result; `due`: the timer fired; `abort`: the caller gave up; `close`:
 * the sender closes.
 */
export type DeliveryEvent = "start" | DeliveryAction | "due" | "abort" | "close";

/**
 * - `timeLeft`: deliver-before has not passed. `targetLeft`: a redirection named another URI, and the result does not forbid
 *   trying it. `representationLeft`: one that the answer allows and that was not offered. `optionToDrop`: a required option tag
 *   that the answer calls unsupported. `expiresToRaise`: the answer has a higher Min-Expires. `retryLeft`: the caller's retry
 *   option has a try left, and its time comes before deliver-before.
 */
export type DeliveryGuard =
  | "timeLeft"
  | "targetLeft"
  | "representationLeft"
  | "optionToDrop"
  | "expiresToRaise"
  | "retryLeft";

export type DeliveryStep =
  | "takeTarget"
  | "takeRepresentation"
  | "dropOptions"
  | "raiseExpires"
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

type Row = Partial<Record<DeliveryEvent, readonly DeliveryTransition[]>>;

/**
 * One push on its way to one recipient. `authenticate` and `nextTarget` were done by the request sender when they come here,
 * and led nowhere. Large content and other methods are not offered yet, so `sendLarge`, `otherMethod` and what belongs to
 * NOTIFY and MSRP end here.
 */
export const deliveryMachine: Readonly<Record<DeliveryState, Row>> = {
  queued: {
    start: [when("timeLeft")("sending"), otherwise("done", "reportExpired")],
    abort: [otherwise("done", "reportCancelled")],
  },
  sending: {
    finish: [nextTarget, report],
    waitForReport: [report],
    follow: [nextTarget, report],
    authenticate: [nextTarget, report],
    reOffer: [when("representationLeft", "timeLeft")("sending", "takeRepresentation"), nextTarget, report],
    dropOption: [when("optionToDrop", "timeLeft")("sending", "dropOptions"), nextTarget, report],
    raiseExpires: [when("expiresToRaise", "timeLeft")("sending", "raiseExpires"), nextTarget, report],
    sendLarge: [nextTarget, report],
    otherMethod: [nextTarget, report],
    removeSubscription: [nextTarget, report],
    fallBackToMessage: [nextTarget, report],
    reconnect: [nextTarget, report],
    retry: [nextTarget, retry, report],
    nextTarget: [nextTarget, retry, report],
  },
  waiting: {
    due: [when("timeLeft")("sending", "startOver"), report],
    abort: [otherwise("done", "reportCancelled")],
    close: [report],
  },
  done: {},
};
