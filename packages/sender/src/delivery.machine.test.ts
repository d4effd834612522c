import { outcomeTable } from "@sip-push/push";
import { type MachineTable, to, toMermaid } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { type DeliveryState, deliveryMachine } from "./delivery.machine.ts";

const rows = Object.entries(deliveryMachine) as [DeliveryState, (typeof deliveryMachine)[DeliveryState]][];

describe("delivery machine", () => {
  it("knows what to do about every action that the outcome table names", () => {
    for (const { action } of outcomeTable) expect(deliveryMachine.sending[action], action).toBeDefined();
  });

  it("always has a transition: the last of each row needs no guard, and only the last", () => {
    for (const [state, row] of rows) {
      for (const [event, transitions] of Object.entries(row)) {
        expect(
          transitions.map(({ guards }) => guards.length === 0),
          `${state} ${event}`,
        ).toEqual(transitions.map((_, index) => index === transitions.length - 1));
      }
    }
  });

  it("reports exactly once, on the way to done, and does not leave done", () => {
    const transitions = rows.flatMap(([, row]) => Object.values(row).flat());
    for (const { steps, next } of transitions) {
      expect(steps.filter((step) => step.startsWith("report")).length).toBe(next === "done" ? 1 : 0);
    }
    expect(deliveryMachine.done).toEqual({});
  });

  it("sends nothing after deliver-before: every way into sending asks for time", () => {
    const sending = rows.flatMap(([, row]) => Object.values(row).flat()).filter(({ next }) => next === "sending");
    expect(sending.length).toBeGreaterThan(0);
    for (const { guards } of sending) expect(guards).toContain("timeLeft");
  });

  it.each(["asking", "waiting", "offline", "reporting"] as const)(
    "%s: whoever waits can be told to stop, by the caller and by the sender that closes",
    (state) => {
      const { abort, close } = deliveryMachine[state];
      expect(abort).toEqual([{ guards: [], steps: ["reportCancelled"], next: "done" }]);
      expect(close).toBeDefined();
    },
  );

  it.each(["sending", "waiting", "offline", "reporting"] as const)(
    "%s: the report of the handset is the last word (RFC 5438)",
    (state) => {
      expect(deliveryMachine[state].reported).toEqual([{ guards: [], steps: ["report"], next: "done" }]);
    },
  );

  it.each(["waiting", "offline"] as const)(
    "%s: afterwards all is looked at anew: subscriptions, redirections",
    (state) => {
      expect(deliveryMachine[state].due?.[0]).toEqual({ guards: ["timeLeft"], steps: ["startOver"], next: "sending" });
    },
  );

  it("goes to another method only for what a NOTIFY or MESSAGE as such is refused for", () => {
    const others = Object.entries(deliveryMachine.sending).filter(([, transitions]) =>
      transitions.some(({ steps }) => steps.includes("takeMethod")),
    );
    expect(others.map(([event]) => event)).toEqual(["otherMethod", "removeSubscription", "fallBackToMessage"]);
  });

  it("waits for the report only of what was accepted, and before anything else", () => {
    const reporting = Object.entries(deliveryMachine.sending).filter(([, transitions]) =>
      transitions.some(({ next }) => next === "reporting"),
    );
    expect(reporting.map(([event]) => event)).toEqual(["finish", "waitForReport"]);
    for (const [, transitions] of reporting) expect(transitions[0]?.guards).toEqual(["reportWanted"]);
  });

  it("asks only about who is unknown, only before the first attempt", () => {
    const asking = rows.flatMap(([state, row]) =>
      Object.values(row)
        .flat()
        .filter(({ next }) => next === "asking")
        .map(({ guards }) => [state, guards]),
    );
    expect(asking).toEqual([["queued", ["unknown", "timeLeft"]]]);
  });

  it("reaches every state, and done from each", () => {
    const reachableFrom = (start: DeliveryState): Set<DeliveryState> => {
      const reached = new Set([start]);
      for (const state of reached) {
        for (const { next } of Object.values(deliveryMachine[state]).flat()) reached.add(next);
      }
      return reached;
    };
    expect([...reachableFrom("queued")].sort()).toEqual(rows.map(([state]) => state).sort());
    for (const [state] of rows) expect(reachableFrom(state)).toContain("done");
  });

  it("can be drawn", () => {
    const entries = rows.map(([state, row]) => {
      const drawn = Object.entries(row).flatMap(([event, transitions]) =>
        transitions.map(({ guards, steps, next }) => {
          const label = guards.length === 0 ? event : `${event} [${guards.join(" ")}]`;
          return [label, to(next as string, ...(steps as readonly string[]))] as const;
        }),
      );
      return [state, Object.fromEntries(drawn)] as const;
    });
    const table: MachineTable<string, string, string> = Object.fromEntries(entries);
    expect(toMermaid(table)).toMatchSnapshot();
  });

  it("reads as this transcript", () => {
    const lines = rows.flatMap(([state, row]) =>
      Object.entries(row).flatMap(([event, transitions]) =>
        transitions.map(
          ({ guards, steps, next }) => `${state} ${event} [${guards.join(" ")}] -> ${next}: ${steps.join(" ")}`,
        ),
      ),
    );
    expect(lines).toMatchSnapshot();
  });
});
