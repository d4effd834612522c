import { describe, expect, it } from "vitest";
import { transcriptOf } from "../events/testdata/transcript.ts";
import { toMermaid } from "../transaction/machine.ts";
import { publication } from "./publication.machine.ts";

/** `state + event -> next: actions`, and what it obeys: clauses are of RFC 3903 unless they say another. */
const rows: ReadonlyArray<readonly [row: string, clause: string]> = [
  ["idle + start -> publishing: publish", "§4.2: initial"],
  ["idle + stop -> ended: reportEnded", "nothing was published"],

  ["publishing + accepted -> published: startRefresh, reportPublished", "§4.1: a new tag, and a time to refresh by"],
  ["publishing + superseded -> publishing: publish", "§4.4: the newer state at once"],
  ["publishing + conditionFailed -> publishing: forgetTag, publish", "§5, 412: initial again"],
  ["publishing + tooBrief -> publishing: raiseExpires, publish", "§5, 423: with Min-Expires"],
  ["publishing + bodyRefused -> refused: reportFailed", "§5: no other try of the same"],
  ["publishing + unsupported -> ended: reportFailed, reportEnded", "§5: not here"],
  ["publishing + failed -> waiting: startRetry, reportFailed", "§5, RFC 3261 §8.1.3"],
  ["publishing + endpointClosed -> ended: reportEnded", "nothing can be sent any more"],
  ["publishing + stop -> stopping", "§4: one PUBLISH at a time"],

  ["published + refreshDue -> publishing: publish", "§4.3"],
  ["published + modify -> publishing: stopTimer, publish", "§4.4"],
  ["published + stop -> removing: stopTimer, remove", "§4.5"],

  ["waiting + retryDue -> publishing: publish", "§5"],
  ["waiting + stop -> removing: stopTimer, remove", "§4.5: what was there before the failure"],

  ["refused + modify -> publishing: publish", "§4.4"],
  ["refused + stop -> removing: remove", "§4.5: what was there before the refusal"],

  ["stopping + accepted -> removing: remove", "§4.5: now the removal may leave (§4)"],
  ["stopping + superseded -> removing: remove", "§4.5: now the removal may leave (§4)"],
  ["stopping + conditionFailed -> removing: forgetTag, remove", "§4.5: without a tag there is nothing to remove"],
  ["stopping + tooBrief -> removing: remove", "§4.5: now the removal may leave (§4)"],
  ["stopping + bodyRefused -> removing: remove", "§4.5: now the removal may leave (§4)"],
  ["stopping + unsupported -> removing: remove", "§4.5: now the removal may leave (§4)"],
  ["stopping + failed -> removing: remove", "§4.5: now the removal may leave (§4)"],
  ["stopping + endpointClosed -> ended: reportEnded", "nothing can be sent any more"],

  ["removing + removed -> ended: reportEnded", "§4.5: whatever the answer is"],
];

describe("publication (RFC 3903 §4, §5)", () => {
  it.each(rows)("%s (%s)", (row) => {
    expect(transcriptOf(publication)).toContain(row);
  });

  it("has no other row", () => {
    expect(transcriptOf(publication).sort()).toEqual(rows.map(([row]) => row).sort());
  });

  it("has no row that leaves its last state", () => {
    expect(publication.ended).toEqual({});
  });

  it("reaches every state from the first", () => {
    const reached = new Set(["idle"]);
    for (const state of reached) {
      for (const row of Object.values(publication[state as keyof typeof publication])) reached.add(row.next);
    }
    expect([...reached].sort()).toEqual(Object.keys(publication).sort());
  });

  it("has no row that sends a PUBLISH while another is under way (§4)", () => {
    const answers = ["accepted", "superseded", "conditionFailed", "tooBrief"];
    for (const state of ["publishing", "stopping", "removing"] as const) {
      for (const [trigger, { actions }] of Object.entries(publication[state])) {
        const sends = actions.filter((action) => action === "publish" || action === "remove");
        expect(sends.length).toBeLessThanOrEqual(1);
        if (state === "publishing" && sends.length > 0) expect(answers).toContain(trigger);
      }
    }
  });

  it("can be drawn", () => {
    expect(toMermaid(publication)).toMatchSnapshot();
  });
});
