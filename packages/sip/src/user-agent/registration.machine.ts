import { type MachineTable, to } from "../transaction/machine.ts";

export type RegistrationState = "idle" | "registering" | "registered" | "waiting" | "stopping" | "removing" | "ended";
export type RegistrationEvent =
  | "start"
  | "accepted" // 200 that lists our contact
  | "tooBrief" // 423 with Min-Expires
  | "noOutbound" // 439, and there is nobody else to register through
  | "refused" // any other answer, or none
  | "refreshDue"
  | "renew" // at once, although there is time left
  | "retryDue"
  | "pause" // no more tries for now
  | "flowLost"
  | "flowLostAgain" // soon after it was lost before: a server that accepts and hangs up
  | "endpointClosed"
  | "stop"
  | "removed"; // the answer to the removal, whatever it is
export type RegistrationAction =
  | "register"
  | "raiseExpires"
  | "dropOutbound"
  | "startRefresh"
  | "startRetry"
  | "stopTimers"
  | "reportRegistered"
  | "reportFailed"
  | "remove"
  | "reportEnded";

/**
 * One binding at a registrar, kept alive until it is stopped. RFC 3261 §10.2; 439 and re-registration after the loss of a
 * flow RFC 5626 §4.2.1, §4.5. While a REGISTER is under way the loss of its flow comes as its failure, and the removal waits for its
 * answer: there must be one at a time (§10.2), and the later of two need not arrive later.
 */
export const registration: MachineTable<RegistrationState, RegistrationEvent, RegistrationAction> = {
  idle: {
    start: to("registering", "register"),
    stop: to("ended", "reportEnded"),
  },
  registering: {
    accepted: to("registered", "reportRegistered", "startRefresh"),
    tooBrief: to("registering", "raiseExpires", "register"),
    noOutbound: to("registering", "dropOutbound", "register"),
    refused: to("waiting", "reportFailed", "startRetry"),
    endpointClosed: to("ended", "reportEnded"),
    stop: to("stopping"),
  },
  registered: {
    refreshDue: to("registering", "register"),
    renew: to("registering", "stopTimers", "register"),
    flowLost: to("registering", "stopTimers", "register"),
    flowLostAgain: to("waiting", "stopTimers", "reportFailed", "startRetry"),
    stop: to("removing", "stopTimers", "remove"),
  },
  waiting: {
    retryDue: to("registering", "register"),
    pause: to("idle", "stopTimers"),
    stop: to("removing", "stopTimers", "remove"),
  },
  stopping: {
    accepted: to("removing", "remove"),
    tooBrief: to("removing", "remove"),
    noOutbound: to("removing", "remove"),
    refused: to("removing", "remove"),
    endpointClosed: to("ended", "reportEnded"),
  },
  removing: {
    removed: to("ended", "reportEnded"),
  },
  ended: {},
};
