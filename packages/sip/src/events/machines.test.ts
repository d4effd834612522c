import { describe, expect, it } from "vitest";
import { type MachineTable, toMermaid } from "../transaction/machine.ts";
import { notifier } from "./notifier.machine.ts";
import { subscriber } from "./subscriber.machine.ts";

type AnyTable = MachineTable<string, string, string>;

const machines: ReadonlyArray<readonly [name: string, table: AnyTable, last: string, first: string]> = [
  ["subscriber (RFC 6665 figure 1)", subscriber, "ended", "idle"],
  ["notifier (RFC 6665 figure 2)", notifier, "terminated", "respWait"],
];

describe.each(machines)("%s", (_, table, last, first) => {
  it("has no row that leaves its last state", () => {
    expect(table[last]).toEqual({});
  });

  it("reaches every state from the first, and the last from every state", () => {
    const reachableFrom = (start: string): Set<string> => {
      const reached = new Set([start]);
      for (const state of reached) for (const row of Object.values(table[state] ?? {})) if (row) reached.add(row.next);
      return reached;
    };
    expect([...reachableFrom(first)].sort()).toEqual(Object.keys(table).sort());
    for (const state of Object.keys(table)) expect(reachableFrom(state)).toContain(last);
  });

  it("can be drawn and held against the figure", () => {
    expect(toMermaid(table)).toMatchSnapshot();
  });
});

describe("what each row of the subscriber does", () => {
  const live = ["pending", "active", "refreshingPending", "refreshing"] as const;

  it.each(live)(
    "%s: every loss forgets the dialog and says so, and is followed up by its verdict (§4.1.3)",
    (state) => {
      const { again, later, never, timerN } = subscriber[state];
      expect([again, later, never, timerN].map((row) => [row?.next, ...(row?.actions ?? [])])).toEqual([
        ["notifyWait", "forget", "subscribe", "reportLoss"],
        ["waiting", "forget", "startRetry", "reportLoss"],
        ["ended", "forget", "reportLoss", "reportEnded"],
        ["waiting", "forget", "startRetry", "reportLoss"],
      ]);
    },
  );

  it.each(live)("%s: stop unsubscribes (§4.1.2.3)", (state) => {
    expect(subscriber[state].stop).toEqual({ next: "unsubscribing", actions: ["stopTimers", "unsubscribe"] });
  });

  it.each(["stopping", "unsubscribing"] as const)("%s: nothing is made anew", (state) => {
    for (const row of Object.values(subscriber[state])) expect(row.actions).not.toContain("subscribe");
  });

  it("every way into the last state forgets and reports the end", () => {
    for (const rows of Object.values(subscriber)) {
      for (const { next, actions } of Object.values(rows)) {
        if (next !== "ended") continue;
        expect(actions[0]).toBe("forget");
        expect(actions.at(-1)).toBe("reportEnded");
      }
    }
  });
});

describe("what each row of the notifier does", () => {
  it("accepted SUBSCRIBEs are answered first, and then notified (§4.2.1.2)", () => {
    for (const rows of Object.values(notifier)) {
      for (const event of ["granted", "undecided", "fetched", "unsubscribed"] as const) {
        const actions = rows[event]?.actions;
        if (actions === undefined) continue;
        expect(actions[0]).toBe("accept");
        expect(actions.at(-1)).toMatch(/^notify(?:Initial|Last)$/);
      }
    }
  });

  it("what ends is erased from the store, but for a notifier that closes", () => {
    expect.hasAssertions();
    for (const state of ["pending", "active"] as const) {
      for (const [event, { next, actions }] of Object.entries(notifier[state])) {
        if (next === "terminating" || next === "terminated") expect(actions.includes("erase")).toBe(event !== "closed");
      }
    }
  });

  it("every way into the last state but the first refusal lets go of the subscription", () => {
    expect.hasAssertions();
    for (const [state, rows] of Object.entries(notifier)) {
      for (const { next, actions } of Object.values(rows)) {
        if (next === "terminated" && state !== "respWait") expect(actions).toContain("leave");
      }
    }
  });
});
