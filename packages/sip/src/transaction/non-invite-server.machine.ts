import { type MachineTable, to } from "./machine.ts";

export type ServerState = "trying" | "proceeding" | "completed" | "terminated";
export type ServerEvent =
  | "request" // a retransmission
  | "provisional" // the user sends 1xx
  | "final" // the user sends 2xx-6xx
  | "tryingDue"
  | "giveUp"
  | "timerJ"
  | "transportError";
export type ServerAction = "send" | "resend" | "send100" | "stopTimers" | "startJ" | "abandon";

/**
 * Non-INVITE server transaction. RFC 3261 §17.2.2, figure 8; provisional responses as RFC 4320 §4.1 corrects them.
 *
 * In Completed the shell keeps no object, only the response's octets for the time of Timer J; a transport error there
 * changes nothing, because the next retransmission tries again (RFC 3261 would terminate and answer anew).
 */
export const nonInviteServer: MachineTable<ServerState, ServerEvent, ServerAction> = {
  trying: {
    provisional: to("proceeding", "send"),
    final: to("completed", "stopTimers", "send", "startJ"),
    tryingDue: to("proceeding", "send100"),
    giveUp: to("terminated", "stopTimers", "abandon"),
  },
  proceeding: {
    request: to("proceeding", "resend"),
    provisional: to("proceeding", "send"),
    final: to("completed", "stopTimers", "send", "startJ"),
    giveUp: to("terminated", "stopTimers", "abandon"),
    transportError: to("terminated", "stopTimers", "abandon"),
  },
  completed: {
    request: to("completed", "resend"),
    timerJ: to("terminated"),
  },
  terminated: {},
};
