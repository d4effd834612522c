import { describe, expect, it } from "vitest";
import { notifier } from "./notifier.machine.ts";
import { transcriptOf } from "./testdata/transcript.ts";

/** `state + event -> next: actions`, and what it obeys: clauses are of RFC 6665. */
const rows: ReadonlyArray<readonly [row: string, clause: string]> = [
  [
    "respWait + granted -> active: accept, enter, startExpiry, save, reportCreated, notifyInitial",
    "§4.2.1.2: 200, and a NOTIFY at once",
  ],
  [
    "respWait + undecided -> pending: accept, enter, startExpiry, save, reportCreated, notifyInitial",
    "§4.2.1.3: 200 too, state=pending",
  ],
  [
    "respWait + fetched -> terminating: accept, enter, reportCreated, notifyLast",
    "§4.4.3: one NOTIFY, state=terminated",
  ],
  ["respWait + refused -> terminated: refuse", "§4.2.1.3"],

  [
    "pending + granted -> active: accept, startExpiry, save, reportRefreshed, notifyInitial",
    "§4.2.1.4: a refresh, notified too",
  ],
  [
    "pending + undecided -> pending: accept, startExpiry, save, reportRefreshed, notifyInitial",
    "§4.2.1.4: a refresh, notified too",
  ],
  ["pending + refused -> pending: refuse", "§4.2.1.4: it lives on until it expires"],
  ["pending + permitted -> active: save, reportGranted, notifyInitial", "§4.2.2: the subscriber is told"],
  [
    "pending + unsubscribed -> terminating: accept, stopExpiry, erase, notifyLast",
    "§4.2.1.4: 200, and the last NOTIFY",
  ],
  [
    "pending + expired -> expiring: erase, failQueued, reportEnded, notifyEnd",
    "§4.2.2: over at once, and reason=timeout behind what is under way",
  ],
  ["pending + ended -> terminating: stopExpiry, erase, notifyEnd", "§4.2.2: the reason that the application gives"],
  [
    "pending + notifyFailed -> terminated: stopExpiry, erase, leave, failQueued, reportEnded",
    "§4.2.2: the subscriber is gone",
  ],
  ["pending + closed -> terminated: stopExpiry, leave, failQueued", "beyond the RFC: it lives on in its store"],

  [
    "active + granted -> active: accept, startExpiry, save, reportRefreshed, notifyInitial",
    "§4.2.1.4: a refresh, notified too",
  ],
  [
    "active + undecided -> active: accept, startExpiry, save, reportRefreshed, notifyInitial",
    "§4.2.1.4: a refresh, notified too",
  ],
  ["active + refused -> active: refuse", "§4.2.1.4: it lives on until it expires"],
  ["active + unsubscribed -> terminating: accept, stopExpiry, erase, notifyLast", "§4.2.1.4: 200, and the last NOTIFY"],
  [
    "active + expired -> expiring: erase, failQueued, reportEnded, notifyEnd",
    "§4.2.2: over at once, and reason=timeout behind what is under way",
  ],
  ["active + ended -> terminating: stopExpiry, erase, notifyEnd", "§4.2.2: the reason that the application gives"],
  [
    "active + notifyFailed -> terminated: stopExpiry, erase, leave, failQueued, reportEnded",
    "§4.2.2: the subscriber is gone",
  ],
  ["active + closed -> terminated: stopExpiry, leave, failQueued", "beyond the RFC: it lives on in its store"],

  [
    "terminating + notifyFailed -> terminated: stopExpiry, erase, leave, failQueued, reportEnded",
    "§4.2.2: the subscriber is gone",
  ],
  [
    "terminating + finished -> terminated: leave, failQueued, reportEnded",
    "§4.4.1: the dialog ends with the last NOTIFY",
  ],
  ["terminating + closed -> terminated: leave, failQueued", "beyond the RFC: nobody waits for the outcome"],

  ["expiring + notifyFailed -> terminated: leave, failQueued", "§4.2.2: the subscriber is gone, and told no more"],
  ["expiring + finished -> terminated: leave, failQueued", "§4.4.1: the dialog ends with the last NOTIFY"],
  ["expiring + closed -> terminated: leave, failQueued", "beyond the RFC: nobody waits for the outcome"],
];

describe("the notifier, row by row (RFC 6665 figure 2)", () => {
  it.each(rows)("%s (%s)", (row) => {
    expect(transcriptOf(notifier)).toContain(row);
  });

  it("has no other row", () => {
    expect(transcriptOf(notifier).sort()).toEqual(rows.map(([row]) => row).sort());
  });
});
