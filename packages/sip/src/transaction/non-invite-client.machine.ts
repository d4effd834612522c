import { type MachineTable, to } from "./machine.ts";

export type ClientState = "trying" | "proceeding" | "completed" | "terminated";
export type ClientEvent = "provisional" | "final" | "timerE" | "timerF" | "timerK" | "transportError";
export type ClientAction =
  | "passUp"
  | "resend"
  | "backOffE" // Timer E runs again with twice its interval, T2 at most
  | "restartE" // Timer E runs again with T2
  | "stopTimers"
  | "startK"
  | "failTimeout"
  | "failTransport";

/**
 * Non-INVITE client transaction. RFC 3261 §17.1.2.2, figure 6.
 *
 * The shell sends the request and starts E (unreliable transports only) and F when it makes the transaction. With
 * K = 0 the shell fires timerK at once. Any final response in Completed is absorbed: the event has no row there.
 */
export const nonInviteClient: MachineTable<ClientState, ClientEvent, ClientAction> = {
  trying: {
    provisional: to("proceeding", "passUp"),
    final: to("completed", "stopTimers", "passUp", "startK"),
    timerE: to("trying", "resend", "backOffE"),
    timerF: to("terminated", "stopTimers", "failTimeout"),
    transportError: to("terminated", "stopTimers", "failTransport"),
  },
  proceeding: {
    provisional: to("proceeding", "passUp"),
    final: to("completed", "stopTimers", "passUp", "startK"),
    timerE: to("proceeding", "resend", "restartE"),
    timerF: to("terminated", "stopTimers", "failTimeout"),
    transportError: to("terminated", "stopTimers", "failTransport"),
  },
  completed: {
    timerK: to("terminated", "stopTimers"),
  },
  terminated: {},
};
