import { type MachineTable, to } from "@sip-push/sip";

/**
 * Whether a server says anything at all.
 *
 * - `idle`: nobody waits for it. `watching`: somebody may. `asking`: it has said nothing for a while, and is asked whether it is there.
 * - `silent`: it did not answer to that either. `askingAgain`: it is asked once more.
 */
export type PulseState = "idle" | "watching" | "asking" | "silent" | "askingAgain" | "closed";

/**
 * `began`: somebody waits. `heard`: it said something, on whatever connection. When the time to look has come: `calm`, nobody waits;
 * `lively`, it said something meanwhile; `quiet`, it did not. `due`: the pause is over. `unanswered`: it was asked in vain.
 */
export type PulseEvent = "began" | "heard" | "calm" | "lively" | "quiet" | "due" | "unanswered" | "close";

export type PulseAction = "startLook" | "startPause" | "stopTimer" | "ask" | "dropQuestion" | "reportSilent";

export const pulse: MachineTable<PulseState, PulseEvent, PulseAction> = {
  idle: {
    began: to("watching", "startLook"),
    close: to("closed"),
  },
  watching: {
    calm: to("idle"),
    lively: to("watching", "startLook"),
    quiet: to("asking", "ask"),
    close: to("closed", "stopTimer"),
  },
  asking: {
    heard: to("watching", "dropQuestion", "startLook"),
    unanswered: to("silent", "reportSilent", "startPause"),
    close: to("closed", "dropQuestion"),
  },
  silent: {
    heard: to("watching", "stopTimer", "startLook"),
    due: to("askingAgain", "ask"),
    close: to("closed", "stopTimer"),
  },
  // Nobody waits by now: who did was told, and who comes is refused.
  askingAgain: {
    heard: to("watching", "dropQuestion", "startLook"),
    unanswered: to("silent", "startPause"),
    close: to("closed", "dropQuestion"),
  },
  closed: {},
};
