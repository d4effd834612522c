import { describe, expect, it } from "vitest";
import { subscriber } from "./subscriber.machine.ts";
import { transcriptOf } from "./testdata/transcript.ts";

/** `state + event -> next: actions`, and what it obeys: clauses are of RFC 6665 unless they say another. */
const rows: ReadonlyArray<readonly [row: string, clause: string]> = [
  ["idle + start -> notifyWait: subscribe", "§4.1.2.1: a SUBSCRIBE, and Timer N"],
  ["idle + stop -> ended: forget, reportEnded", "nothing is under way"],

  ["notifyWait + again -> notifyWait: forget, subscribe, reportLoss", "§4.1.3 deactivated, timeout; §4.1.2.2: 481"],
  [
    "notifyWait + later -> waiting: forget, startRetry, reportLoss",
    "§4.1.3 probation, giveup, no reason; §4.1.2.1: refused for now",
  ],
  [
    "notifyWait + never -> ended: forget, reportLoss, reportEnded",
    "§4.1.3 rejected, noresource, invariant; §4.1.2.1: refused for good",
  ],
  ["notifyWait + timerN -> waiting: forget, startRetry, reportLoss", "§4.1.2.4: no NOTIFY, no subscription"],
  ["notifyWait + endpointClosed -> ended: forget, reportEnded", "nothing can be sent any more"],
  ["notifyWait + accepted -> notifyWait: noteExpires", "§4.1.2.1: Expires of the 2xx"],
  ["notifyWait + acceptedQuietly -> notifyWait: noteExpires", "RFC 5839 §5.6: the same, without a NOTIFY"],
  ["notifyWait + tooBrief -> notifyWait: raiseExpires, subscribe", "RFC 3261 §21.4.17: with Min-Expires"],
  ["notifyWait + pending -> pending: stopTimerN, startRefresh, reportState", "§4.1.2.4: a NOTIFY, figure 1"],
  ["notifyWait + active -> active: stopTimerN, startRefresh, reportState", "§4.1.2.4: a NOTIFY, figure 1"],
  ["notifyWait + stop -> stopping", "§4.1.2.3: without a dialog yet"],

  ["pending + again -> notifyWait: forget, subscribe, reportLoss", "§4.1.3 deactivated, timeout; §4.1.2.2: 481"],
  [
    "pending + later -> waiting: forget, startRetry, reportLoss",
    "§4.1.3 probation, giveup, no reason; §4.1.2.1: refused for now",
  ],
  [
    "pending + never -> ended: forget, reportLoss, reportEnded",
    "§4.1.3 rejected, noresource, invariant; §4.1.2.1: refused for good",
  ],
  ["pending + timerN -> waiting: forget, startRetry, reportLoss", "§4.1.2.4: no NOTIFY, no subscription"],
  ["pending + endpointClosed -> ended: forget, reportEnded", "nothing can be sent any more"],
  ["pending + accepted -> pending: noteExpires, startRefresh", "§4.1.2.1: Expires of the 2xx"],
  ["pending + acceptedQuietly -> pending: noteExpires, startRefresh", "RFC 5839 §5.6: the same, without a NOTIFY"],
  ["pending + refreshFailed -> pending: startRefreshRetry", "§4.1.2.2: it lives on until it expires"],
  ["pending + tooBrief -> refreshingPending: raiseExpires, subscribe", "RFC 3261 §21.4.17: with Min-Expires"],
  ["pending + refreshDue -> refreshingPending: subscribe", "§4.1.2.2: before it expires"],
  ["pending + flowLost -> refreshingPending: subscribe", "RFC 5626 §4.2: another connection"],
  ["pending + flowLostAgain -> pending: startRefreshRetry", "RFC 5626 §4.5: not at once again"],
  ["pending + expired -> waiting: forget, startRetry, reportLoss", "§4.1.2.2: nobody refreshed it"],
  ["pending + stop -> unsubscribing: stopTimers, unsubscribe", "§4.1.2.3: Expires 0"],
  ["pending + pending -> pending: startRefresh", "§4.1.3: state=pending"],
  ["pending + active -> active: startRefresh, reportState", "§4.1.3: state=active"],

  ["active + again -> notifyWait: forget, subscribe, reportLoss", "§4.1.3 deactivated, timeout; §4.1.2.2: 481"],
  [
    "active + later -> waiting: forget, startRetry, reportLoss",
    "§4.1.3 probation, giveup, no reason; §4.1.2.1: refused for now",
  ],
  [
    "active + never -> ended: forget, reportLoss, reportEnded",
    "§4.1.3 rejected, noresource, invariant; §4.1.2.1: refused for good",
  ],
  ["active + timerN -> waiting: forget, startRetry, reportLoss", "§4.1.2.4: no NOTIFY, no subscription"],
  ["active + endpointClosed -> ended: forget, reportEnded", "nothing can be sent any more"],
  ["active + accepted -> active: noteExpires, startRefresh", "§4.1.2.1: Expires of the 2xx"],
  ["active + acceptedQuietly -> active: noteExpires, startRefresh", "RFC 5839 §5.6: the same, without a NOTIFY"],
  ["active + refreshFailed -> active: startRefreshRetry", "§4.1.2.2: it lives on until it expires"],
  ["active + tooBrief -> refreshing: raiseExpires, subscribe", "RFC 3261 §21.4.17: with Min-Expires"],
  ["active + refreshDue -> refreshing: subscribe", "§4.1.2.2: before it expires"],
  ["active + flowLost -> refreshing: subscribe", "RFC 5626 §4.2: another connection"],
  ["active + flowLostAgain -> active: startRefreshRetry", "RFC 5626 §4.5: not at once again"],
  ["active + expired -> waiting: forget, startRetry, reportLoss", "§4.1.2.2: nobody refreshed it"],
  ["active + stop -> unsubscribing: stopTimers, unsubscribe", "§4.1.2.3: Expires 0"],
  ["active + pending -> pending: startRefresh, reportState", "§4.1.3: state=pending"],
  ["active + active -> active: startRefresh", "§4.1.3: state=active"],

  [
    "refreshingPending + again -> notifyWait: forget, subscribe, reportLoss",
    "§4.1.3 deactivated, timeout; §4.1.2.2: 481",
  ],
  [
    "refreshingPending + later -> waiting: forget, startRetry, reportLoss",
    "§4.1.3 probation, giveup, no reason; §4.1.2.1: refused for now",
  ],
  [
    "refreshingPending + never -> ended: forget, reportLoss, reportEnded",
    "§4.1.3 rejected, noresource, invariant; §4.1.2.1: refused for good",
  ],
  ["refreshingPending + timerN -> waiting: forget, startRetry, reportLoss", "§4.1.2.4: no NOTIFY, no subscription"],
  ["refreshingPending + endpointClosed -> ended: forget, reportEnded", "nothing can be sent any more"],
  ["refreshingPending + pending -> pending: stopTimerN, startRefresh, reportState", "§4.1.3: state=pending"],
  ["refreshingPending + active -> active: stopTimerN, startRefresh, reportState", "§4.1.3: state=active"],
  ["refreshingPending + accepted -> refreshingPending: noteExpires", "§4.1.2.1: Expires of the 2xx"],
  [
    "refreshingPending + acceptedQuietly -> pending: stopTimerN, noteExpires, startRefresh, reportState",
    "RFC 5839 §5.6: the same, without a NOTIFY",
  ],
  ["refreshingPending + tooBrief -> refreshingPending: raiseExpires, subscribe", "RFC 3261 §21.4.17: with Min-Expires"],
  [
    "refreshingPending + refreshFailed -> pending: stopTimerN, startRefreshRetry",
    "§4.1.2.2: it lives on until it expires",
  ],
  ["refreshingPending + stop -> unsubscribing: stopTimers, unsubscribe", "§4.1.2.3: Expires 0"],

  ["refreshing + again -> notifyWait: forget, subscribe, reportLoss", "§4.1.3 deactivated, timeout; §4.1.2.2: 481"],
  [
    "refreshing + later -> waiting: forget, startRetry, reportLoss",
    "§4.1.3 probation, giveup, no reason; §4.1.2.1: refused for now",
  ],
  [
    "refreshing + never -> ended: forget, reportLoss, reportEnded",
    "§4.1.3 rejected, noresource, invariant; §4.1.2.1: refused for good",
  ],
  ["refreshing + timerN -> waiting: forget, startRetry, reportLoss", "§4.1.2.4: no NOTIFY, no subscription"],
  ["refreshing + endpointClosed -> ended: forget, reportEnded", "nothing can be sent any more"],
  ["refreshing + pending -> pending: stopTimerN, startRefresh, reportState", "§4.1.3: state=pending"],
  ["refreshing + active -> active: stopTimerN, startRefresh, reportState", "§4.1.3: state=active"],
  ["refreshing + accepted -> refreshing: noteExpires", "§4.1.2.1: Expires of the 2xx"],
  [
    "refreshing + acceptedQuietly -> active: stopTimerN, noteExpires, startRefresh, reportState",
    "RFC 5839 §5.6: the same, without a NOTIFY",
  ],
  ["refreshing + tooBrief -> refreshing: raiseExpires, subscribe", "RFC 3261 §21.4.17: with Min-Expires"],
  ["refreshing + refreshFailed -> active: stopTimerN, startRefreshRetry", "§4.1.2.2: it lives on until it expires"],
  ["refreshing + stop -> unsubscribing: stopTimers, unsubscribe", "§4.1.2.3: Expires 0"],

  ["waiting + retryDue -> notifyWait: subscribe", "§4.1.3: the wait is over, a new SUBSCRIBE"],
  ["waiting + endpointClosed -> ended: forget, reportEnded", "nothing is under way"],
  ["waiting + stop -> ended: forget, reportEnded", "nothing is under way"],

  ["stopping + pending -> unsubscribing: unsubscribe", "§4.1.2.3: there is a dialog to end now"],
  ["stopping + active -> unsubscribing: unsubscribe", "§4.1.2.3: there is a dialog to end now"],
  ["stopping + tooBrief -> ended: forget, reportEnded", "it was not made: nothing to end"],
  ["stopping + again -> ended: forget, reportEnded", "it was not made: nothing to end"],
  ["stopping + later -> ended: forget, reportEnded", "it was not made: nothing to end"],
  ["stopping + never -> ended: forget, reportEnded", "it was not made: nothing to end"],
  ["stopping + timerN -> ended: forget, reportEnded", "it was not made: nothing to end"],
  ["stopping + endpointClosed -> ended: forget, reportEnded", "it was not made: nothing to end"],
  ["stopping + giveUp -> ended: forget, reportEnded", "the time for the end is over"],

  [
    "unsubscribing + tooBrief -> ended: forget, reportEnded",
    "§4.1.2.3: over, whatever the answer or the last NOTIFY says",
  ],
  [
    "unsubscribing + refreshFailed -> ended: forget, reportEnded",
    "§4.1.2.3: over, whatever the answer or the last NOTIFY says",
  ],
  ["unsubscribing + acceptedQuietly -> ended: forget, reportEnded", "RFC 5839 §5.7: no NOTIFY follows 204"],
  [
    "unsubscribing + again -> ended: forget, reportEnded",
    "§4.1.2.3: over, whatever the answer or the last NOTIFY says",
  ],
  [
    "unsubscribing + later -> ended: forget, reportEnded",
    "§4.1.2.3: over, whatever the answer or the last NOTIFY says",
  ],
  [
    "unsubscribing + never -> ended: forget, reportEnded",
    "§4.1.2.3: over, whatever the answer or the last NOTIFY says",
  ],
  [
    "unsubscribing + timerN -> ended: forget, reportEnded",
    "§4.1.2.3: over, whatever the answer or the last NOTIFY says",
  ],
  [
    "unsubscribing + endpointClosed -> ended: forget, reportEnded",
    "§4.1.2.3: over, whatever the answer or the last NOTIFY says",
  ],
  ["unsubscribing + giveUp -> ended: forget, reportEnded", "the time for the end is over"],
];

describe("the subscriber, row by row (RFC 6665 figure 1)", () => {
  it.each(rows)("%s (%s)", (row) => {
    expect(transcriptOf(subscriber)).toContain(row);
  });

  it("has no other row", () => {
    expect(transcriptOf(subscriber).sort()).toEqual(rows.map(([row]) => row).sort());
  });
});
