import { type MachineTable, type Row, to } from "../transaction/machine.ts";

export type NotifierState = "respWait" | "pending" | "active" | "terminating" | "expiring" | "terminated";
export type NotifierEvent =
  | "granted" // a SUBSCRIBE was judged: yes
  | "undecided" // a SUBSCRIBE was judged: somebody must be asked
  | "refused" // a SUBSCRIBE was judged: no
  | "fetched" // a first SUBSCRIBE with Expires 0
  | "unsubscribed" // a later one
  | "permitted" // policy changed to grant permission
  | "expired"
  | "ended" // by us
  | "notifyFailed" // an answer, or none, that ends the subscription
  | "finished" // the outcome of the last NOTIFY, whatever it is
  | "closed"; // the notifier stops; the subscription lives on in its store
export type NotifierAction =
  | "accept" // 200
  | "refuse"
  | "enter"
  | "save"
  | "erase" // from the store
  | "leave"
  | "startExpiry"
  | "stopExpiry"
  | "notifyInitial"
  | "notifyLast" // what notifyInitial gives, the last of it with state=terminated
  | "notifyEnd" // state=terminated, without a body
  | "failQueued"
  | "reportCreated"
  | "reportRefreshed"
  | "reportGranted"
  | "reportEnded";

type NotifierRow = Row<NotifierState, NotifierAction>;

const dead: NotifierRow = to("terminated", "stopExpiry", "erase", "leave", "failQueued", "reportEnded");

/** RFC 6665 §4.2.1.4: a refresh is answered and notified like the first. */
function refreshed(next: "pending" | "active"): NotifierRow {
  return to(next, "accept", "startExpiry", "save", "reportRefreshed", "notifyInitial");
}

/** Every way out of "pending" and "active" but the death of the subscriber has a last NOTIFY (§4.2.1.4, §4.2.2). */
const ends: Readonly<Partial<Record<NotifierEvent, NotifierRow>>> = {
  unsubscribed: to("terminating", "accept", "stopExpiry", "erase", "notifyLast"),
  expired: to("expiring", "erase", "failQueued", "reportEnded", "notifyEnd"),
  ended: to("terminating", "stopExpiry", "erase", "notifyEnd"),
  notifyFailed: dead,
  closed: to("terminated", "stopExpiry", "leave", "failQueued"),
};

/**
 * One subscription at its notifier. RFC 6665 §4.2.2, figure 2. In "respWait" the SUBSCRIBE waits for its answer; beyond the
 * figure are "terminating", in which the last NOTIFY is under way, and with its outcome the dialog ends (§4.4.1); and
 * "expiring", which is the same of one whose time is over: it is over then, whatever NOTIFY still waits for Timer F.
 */
export const notifier: MachineTable<NotifierState, NotifierEvent, NotifierAction> = {
  respWait: {
    granted: to("active", "accept", "enter", "startExpiry", "save", "reportCreated", "notifyInitial"),
    undecided: to("pending", "accept", "enter", "startExpiry", "save", "reportCreated", "notifyInitial"),
    fetched: to("terminating", "accept", "enter", "reportCreated", "notifyLast"),
    refused: to("terminated", "refuse"),
  },
  pending: {
    granted: refreshed("active"),
    undecided: refreshed("pending"),
    refused: to("pending", "refuse"),
    permitted: to("active", "save", "reportGranted", "notifyInitial"),
    ...ends,
  },
  active: {
    granted: refreshed("active"),
    undecided: refreshed("active"),
    refused: to("active", "refuse"),
    ...ends,
  },
  terminating: {
    notifyFailed: dead,
    finished: to("terminated", "leave", "failQueued", "reportEnded"),
    closed: to("terminated", "leave", "failQueued"),
  },
  expiring: {
    notifyFailed: to("terminated", "leave", "failQueued"),
    finished: to("terminated", "leave", "failQueued"),
    closed: to("terminated", "leave", "failQueued"),
  },
  terminated: {},
};
