import { type MachineTable, to } from "../transaction/machine.ts";

export type PublicationState =
  | "idle"
  | "publishing"
  | "published"
  | "waiting"
  | "refused"
  | "stopping"
  | "removing"
  | "ended";
export type PublicationTrigger =
  | "start"
  | "accepted" // 2xx with a SIP-ETag
  | "superseded" // the same, but the state was modified meanwhile
  | "conditionFailed" // 412
  | "tooBrief" // 423 with a Min-Expires above what was asked for
  | "bodyRefused" // 400, 403, 406, 413, 415 …: the same again will never do
  | "unsupported" // 405, 489, 501: no publication of this event will ever do here
  | "failed" // any other answer, or none
  | "refreshDue"
  | "retryDue"
  | "modify"
  | "endpointClosed"
  | "stop"
  | "removed"; // the answer to the removal, whatever it is
export type PublicationAction =
  | "publish"
  | "forgetTag"
  | "raiseExpires"
  | "startRefresh"
  | "startRetry"
  | "stopTimer"
  | "reportPublished"
  | "reportFailed"
  | "remove"
  | "reportEnded";

/**
 * One publication at an event state compositor, kept alive until it is stopped: initial, refresh and modify are all
 * `publish`, told apart by what is known when it is sent (RFC 3903 §4.1, Table 1). While a PUBLISH is under way there is no
 * other (§4): `modify` then only leaves its mark, which makes the answer `superseded`, and the removal waits. Reports come last,
 * for the one who hears them may modify or stop it.
 */
export const publication: MachineTable<PublicationState, PublicationTrigger, PublicationAction> = {
  idle: {
    start: to("publishing", "publish"),
    stop: to("ended", "reportEnded"),
  },
  publishing: {
    accepted: to("published", "startRefresh", "reportPublished"),
    superseded: to("publishing", "publish"),
    conditionFailed: to("publishing", "forgetTag", "publish"),
    tooBrief: to("publishing", "raiseExpires", "publish"),
    bodyRefused: to("refused", "reportFailed"),
    unsupported: to("ended", "reportFailed", "reportEnded"),
    failed: to("waiting", "startRetry", "reportFailed"),
    endpointClosed: to("ended", "reportEnded"),
    stop: to("stopping"),
  },
  published: {
    refreshDue: to("publishing", "publish"),
    modify: to("publishing", "stopTimer", "publish"),
    stop: to("removing", "stopTimer", "remove"),
  },
  waiting: {
    retryDue: to("publishing", "publish"),
    stop: to("removing", "stopTimer", "remove"),
  },
  refused: {
    modify: to("publishing", "publish"),
    stop: to("removing", "remove"),
  },
  stopping: {
    accepted: to("removing", "remove"),
    superseded: to("removing", "remove"),
    conditionFailed: to("removing", "forgetTag", "remove"),
    tooBrief: to("removing", "remove"),
    bodyRefused: to("removing", "remove"),
    unsupported: to("removing", "remove"),
    failed: to("removing", "remove"),
    endpointClosed: to("ended", "reportEnded"),
  },
  removing: {
    removed: to("ended", "reportEnded"),
  },
  ended: {},
};
