import { type MachineTable, to } from "@sip-push/sip";

export type HandsetState =
  | "idle"
  | "queued" // for its turn to register
  | "registering"
  | "registered"
  | "waiting" // after a failure
  | "stopping" // a REGISTER is under way, and the removal comes after it
  | "leaving" // queued for the removal
  | "removing"
  | "ended";
export type HandsetEvent =
  | "start"
  | "turn" // the pace lets it go
  | "accepted" // 200 that lists our contact
  | "tooBrief" // 423 with a longer Min-Expires than before
  | "refused" // any other answer, or none
  | "due" // to refresh, or to try again
  | "flowLost"
  | "flowLostSoon" // after it was made: a server that accepts and hangs up
  | "stop"
  | "removed"; // the answer to the removal, whatever it is
export type HandsetAction =
  | "enqueue"
  | "register"
  | "raiseExpires"
  | "bind" // it can be reached
  | "unbind"
  | "startRefresh"
  | "startRetry"
  | "stopTimer"
  | "reportFailed"
  | "remove"
  | "end";

/**
 * The registration of one handset of a fleet. RFC 3261 §10.2, RFC 5626 §4.5. Every REGISTER waits for its turn, so that neither
 * the start of a fleet nor the loss of a connection that carried all of it floods the registrar. A refresh leaves the binding
 * as it is until it is refused.
 */
export const handset: MachineTable<HandsetState, HandsetEvent, HandsetAction> = {
  idle: {
    start: to("queued", "enqueue"),
    stop: to("ended", "end"),
  },
  queued: {
    turn: to("registering", "register"),
    flowLost: to("queued", "unbind"),
    flowLostSoon: to("queued", "unbind"),
    // It has its place already.
    stop: to("leaving"),
  },
  registering: {
    accepted: to("registered", "bind", "startRefresh"),
    tooBrief: to("queued", "raiseExpires", "enqueue"),
    refused: to("waiting", "unbind", "startRetry", "reportFailed"),
    // The REGISTER says what became of it.
    flowLost: to("registering", "unbind"),
    flowLostSoon: to("registering", "unbind"),
    stop: to("stopping"),
  },
  registered: {
    due: to("queued", "enqueue"),
    flowLost: to("queued", "unbind", "stopTimer", "enqueue"),
    flowLostSoon: to("waiting", "unbind", "startRetry"),
    stop: to("leaving", "stopTimer", "enqueue"),
  },
  waiting: {
    due: to("queued", "enqueue"),
    stop: to("leaving", "stopTimer", "enqueue"),
  },
  stopping: {
    accepted: to("leaving", "enqueue"),
    tooBrief: to("leaving", "enqueue"),
    refused: to("leaving", "enqueue"),
  },
  leaving: {
    turn: to("removing", "remove"),
  },
  removing: {
    removed: to("ended", "unbind", "end"),
  },
  ended: {},
};
