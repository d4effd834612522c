import { type MachineTable, to } from "../transaction/machine.ts";

export type RegistrationState = "idle" | "registering" | "registered" | "waiting" | "removing" | "ended";
export type RegistrationEvent =
  | "start"
  | "accepted" // 200 that lists our contact
  | "tooBrief" // 423 with Min-Expires
  | "refused" // any other answer, or none
  | "refreshDue"
  | "retryDue"
  | "flowLost"
  | "stop"
  | "removed"; // the answer to the removal, whatever it is
export type RegistrationAction =
  | "register"
  | "raiseExpires"
  | "startRefresh"
  | "startRetry"
  | "stopTimers"
  | "reportRegistered"
  | "reportFailed"
  | "remove"
  | "reportEnded";

/**
 * One binding at a registrar, kept alive until it is stopped. RFC 3261 §10.2; re-registration after the loss of a flow
 * RFC 5626 §4.5. While a REGISTER is under way the loss of its flow comes as its failure.
 */
export const registration: MachineTable<RegistrationState, RegistrationEvent, RegistrationAction> = {
  idle: {
    start: to("registering", "register"),
    stop: to("ended", "reportEnded"),
  },
  registering: {
    accepted: to("registered", "reportRegistered", "startRefresh"),
    tooBrief: to("registering", "raiseExpires", "register"),
    refused: to("waiting", "reportFailed", "startRetry"),
    stop: to("removing", "remove"),
  },
  registered: {
    refreshDue: to("registering", "register"),
    flowLost: to("registering", "stopTimers", "register"),
    stop: to("removing", "stopTimers", "remove"),
  },
  waiting: {
    retryDue: to("registering", "register"),
    stop: to("removing", "stopTimers", "remove"),
  },
  removing: {
    removed: to("ended", "reportEnded"),
  },
  ended: {},
};
