import { silentLogger } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { outcomeLog } from "./outcome-log.ts";
import { accepted, attempt, notified, state } from "./testdata/events.ts";

describe("the log of outcomes", () => {
  it("has one line for each delivery that ended, with its push-id, and none for anything else", () => {
    const lines: [fields: object, message: string][] = [];
    const observe = outcomeLog({ ...silentLogger, info: (...line) => lines.push(line) });
    for (const event of [accepted({}), attempt({}), notified({}), state({ from: "pending", to: "sending" })])
      observe(event);
    expect(lines).toEqual([]);
    observe(state({ to: "undeliverable", papCode: 2003, sipStatus: 404, reason: "Not Found", acceptedAtMs: 500 }));
    expect(lines).toEqual([
      [
        {
          pushId: "p1@pi.example.test",
          initiator: "calendar",
          recipient: "sip:alice@example.test",
          messageState: "undeliverable",
          papCode: 2003,
          sipStatus: 404,
          reason: "Not Found",
          elapsedMs: 1_500,
        },
        "push ended",
      ],
    ]);
  });
});
