import { type MachineTable, to } from "@sip-push/sip";

/**
 * One subscription of ours for a user's state, shared by all who want to know.
 *
 * - `idle`: not begun. `watching`: somebody waits. `lingering`: nobody does; kept for a while, because the next push
 *   may soon want it. `refused`: the notifier said no for good; remembered for a while, so that it is not asked at
 *   every push.
 */
export type WatchState = "idle" | "watching" | "lingering" | "refused" | "ended";

/** `ended`: the subscription is over for good. `evict`: another watch needs the place. */
export type WatchEvent = "join" | "left" | "due" | "ended" | "evict" | "close";

export type WatchAction =
  | "subscribe"
  | "unsubscribe"
  | "startLinger"
  | "startForget"
  | "stopTimer"
  | "tellRefused"
  | "forget";

/** RFC 6665 §4.1.2.3 for the end; the rest is ours: a watch costs both sides memory and a refresh an hour. */
export const watch: MachineTable<WatchState, WatchEvent, WatchAction> = {
  idle: {
    join: to("watching", "subscribe"),
    close: to("ended", "forget"),
  },
  watching: {
    left: to("lingering", "startLinger"),
    ended: to("refused", "startForget", "tellRefused"),
    close: to("ended", "unsubscribe", "forget"),
  },
  lingering: {
    join: to("watching", "stopTimer"),
    due: to("ended", "unsubscribe", "forget"),
    ended: to("refused", "stopTimer", "startForget", "tellRefused"),
    evict: to("ended", "stopTimer", "unsubscribe", "forget"),
    close: to("ended", "stopTimer", "unsubscribe", "forget"),
  },
  refused: {
    due: to("ended", "forget"),
    evict: to("ended", "stopTimer", "forget"),
    close: to("ended", "stopTimer", "forget"),
  },
  ended: {},
};
