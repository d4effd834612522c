import { outcomeTable } from "@sip-push/push";
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
