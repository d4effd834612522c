import { type MachineTable, to, toMermaid } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import {
  admitsAttempt,
  type BreakerEvent,
  type BreakerPhase,
  breakerAfter,
  circuitBreakerMachine,
  closedBreaker,
} from "./circuit-breaker.machine.ts";

const rule = { maxFailures: 3, initialPauseMs: 1_000, maxPauseMs: 3_000 };
const after = (events: readonly BreakerEvent[], from = closedBreaker) =>
  events.reduce((state, event) => breakerAfter(state, event, 5_000, rule), from);
const opened = after(["failure", "failure", "failure"]);

describe("circuit breaker", () => {
  it("opens after so many failures in a row, and not before", () => {
    expect(after(["failure", "failure"])).toEqual({ phase: "closed", failures: 2, pauses: 0, openUntilMs: null });
    expect(opened).toEqual({ phase: "open", failures: 0, pauses: 1, openUntilMs: 6_000 });
    expect(after(["failure", "failure", "success", "failure", "failure"]).phase).toBe("closed");
  });

  it("lets nothing go while it is open, and one attempt after the pause", () => {
    expect([closedBreaker, opened].map(admitsAttempt)).toEqual([true, false]);
    const halfOpen = after(["due"], opened);
    const probing = after(["attempt"], halfOpen);
    expect([halfOpen, probing].map(admitsAttempt)).toEqual([true, false]);
    expect(after(["withdrawn"], probing).phase).toBe("half-open");
  });

  it("closes when the probe is answered, and forgets the pauses", () => {
    expect(after(["due", "attempt", "success"], opened)).toEqual(closedBreaker);
  });

  it("pauses longer each time the probe fails, up to the longest", () => {
    const again = (times: number) =>
      after(Array.from({ length: times }, () => ["due", "attempt", "failure"] as const).flat(), opened);
    expect([0, 1, 2, 3].map((times) => again(times).openUntilMs)).toEqual([6_000, 7_000, 8_000, 8_000]);
  });

  it("ignores failures of attempts that began before it opened, and believes a success", () => {
    expect(after(["failure", "failure"], opened)).toBe(opened);
    expect(after(["success"], opened)).toEqual(closedBreaker);
    expect(after(["success"], after(["due"], opened))).toEqual(closedBreaker);
  });

  it("stays closed while attempts begin, and ignores what its phase does not permit", () => {
    expect(after(["attempt"]).phase).toBe("closed");
    expect(after(["due"])).toBe(closedBreaker);
  });

  it("can be drawn", () => {
    const entries = (Object.keys(circuitBreakerMachine) as BreakerPhase[]).map((phase) => {
      const drawn = Object.entries(circuitBreakerMachine[phase]).flatMap(([event, transitions]) =>
        transitions.map(({ guards, actions, next }) => {
          const label = guards.length === 0 ? event : `${event} [${guards.join(" ")}]`;
          return [label, to(next as string, ...(actions as readonly string[]))] as const;
        }),
      );
      return [phase, Object.fromEntries(drawn)] as const;
    });
    const table: MachineTable<string, string, string> = Object.fromEntries(entries);
    expect(toMermaid(table)).toMatchSnapshot();
  });
});
