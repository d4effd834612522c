import { isRetryable, outcomeTable } from "@sip-push/push";
import { type MachineTable, to, toMermaid } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import {
  type DeliveryAction,
  type DeliveryEvent,
  type DeliveryGuard,
  type DeliveryState,
  deliveryMachine,
  deliveryTransition,
  finalStates,
  isFinal,
  isLive,
  liveStates,
  messageStateOf,
} from "./delivery.machine.ts";
import { deliveryEventOf } from "./outcome-events.ts";

const rows = Object.entries(deliveryMachine) as [DeliveryState, (typeof deliveryMachine)[DeliveryState]][];
const next = (state: DeliveryState, event: DeliveryEvent, ...guards: DeliveryGuard[]) =>
  deliveryTransition(state, event, (guard) => guards.includes(guard));
const stateAfter = (state: DeliveryState, event: DeliveryEvent, ...guards: DeliveryGuard[]) =>
  next(state, event, ...guards)?.next;

describe("delivery machine of the gateway", () => {
  it("always has a transition: the last of each row needs no guard, and only the last", () => {
    for (const [state, row] of rows) {
      for (const [event, transitions] of Object.entries(row)) {
        const open = transitions.map(({ guards }) => guards.length === 0);
        expect(open, `${state} ${event}`).toEqual(transitions.map((_, index) => index === transitions.length - 1));
      }
    }
  });

  it.each(finalStates)("%s is never left", (state) => {
    expect(deliveryMachine[state]).toEqual({});
  });

  it("finishes exactly on the way into a final state", () => {
    for (const { actions, next: state } of rows.flatMap(([, row]) => Object.values(row).flat()))
      expect(actions.includes("finish")).toBe(isFinal(state));
  });

  it("sends nothing after deliver-before: every way that sends asks for time", () => {
    const sending = rows
      .flatMap(([, row]) => Object.values(row).flat())
      .filter(({ actions }) => actions.includes("send"));
    expect(sending).toHaveLength(3);
    for (const { guards } of sending) expect(guards).toContain("timeLeft");
  });

  it("reaches every state, and a final one from each", () => {
    const reachableFrom = (start: DeliveryState): Set<DeliveryState> => {
      const reached = new Set([start]);
      for (const state of reached)
        for (const { next: state2 } of Object.values(deliveryMachine[state]).flat()) reached.add(state2);
      return reached;
    };
    expect([...reachableFrom("pending")].sort()).toEqual(rows.map(([state]) => state).sort());
    for (const state of liveStates) expect([...reachableFrom(state)].some(isFinal)).toBe(true);
  });

  it.each(liveStates)("%s: the report of the handset is the last word (RFC 5438)", (state) => {
    expect(stateAfter(state, "reportDelivered")).toBe("delivered");
    expect(stateAfter(state, "reportFailed")).toBe("undeliverable");
    expect(stateAfter(state, "reportUnknown")).toBe("unknown");
  });

  it("has an event for every row of the outcome table, and permits it while it sends", () => {
    for (const row of outcomeTable) {
      const event = deliveryEventOf({ ...row, retryable: isRetryable(row), report: null });
      const transition = next("sending", event);
      expect(transition, `${row.on.join(" ")} ${event}`).toBeDefined();
      // Without guards that hold nothing is tried again, and what the table says is what the initiator hears.
      const final =
        row.messageState === "pending" ? [row.on.includes(202) ? "unknown" : "expired"] : [row.messageState];
      if (!isRetryable(row)) expect([transition?.next], String(row.on)).toEqual(final);
    }
  });

  it.each([
    ["delivered", "reportDelivered"],
    ["failed", "reportFailed"],
    ["forbidden", "reportUnknown"],
    ["error", "reportUnknown"],
  ] as const)("takes a report that came with the outcome for what it says: %s", (report, event) => {
    expect(deliveryEventOf({ messageState: "pending", papCode: 1001, retryable: true, report })).toBe(event);
  });

  it.each([
    ["unavailable", "undeliverable"],
    ["absent", "undeliverable"],
    ["noAnswer", "timeout"],
  ] as const)("%s: tries again while it may, then ends; taken back it ends at once", (event, exhausted) => {
    expect(stateAfter("sending", event, "retryLeft", "timeLeft")).toBe("retry-wait");
    expect(stateAfter("sending", event, "timeLeft")).toBe(exhausted);
    expect(stateAfter("sending", event, "retryLeft")).toBe("expired");
    expect(stateAfter("sending", event, "retryLeft", "timeLeft", "cancelRequested")).toBe("cancelled");
  });

  it("watches for the registration of whoever is absent, and is woken by it", () => {
    expect(next("sending", "absent", "retryLeft", "timeLeft")?.actions).toEqual(["scheduleRetry", "awaitRegistration"]);
    expect(next("retry-wait", "registered", "wasAbsent")?.actions).toEqual(["wake"]);
    expect(next("retry-wait", "registered")?.actions).toEqual([]);
  });

  it("waits for the report of what was accepted; 202 without a report proves nothing (RFC 3428 4)", () => {
    expect(stateAfter("sending", "delivered", "reportWanted")).toBe("waiting-report");
    expect(stateAfter("sending", "delivered")).toBe("delivered");
    expect(stateAfter("sending", "accepted", "reportWanted")).toBe("waiting-report");
    expect(stateAfter("sending", "accepted")).toBe("unknown");
  });

  it("an overdue report: unknown when it had to come, delivered when the handset answered, else timeout", () => {
    expect(stateAfter("waiting-report", "due", "handsetAnswered", "confirmationRequired")).toBe("unknown");
    expect(stateAfter("waiting-report", "due", "handsetAnswered")).toBe("delivered");
    expect(stateAfter("waiting-report", "due", "confirmationRequired")).toBe("timeout");
  });

  it("what a dead node left is sent again while there is time; whether it arrived is not known", () => {
    expect(stateAfter("sending", "leaseExpired", "timeLeft")).toBe("sending");
    expect(stateAfter("sending", "leaseExpired")).toBe("unknown");
    expect(stateAfter("sending", "leaseExpired", "timeLeft", "cancelRequested")).toBe("unknown");
  });

  it("takes back what waits, asks for the end of what is under way", () => {
    expect([stateAfter("pending", "cancel"), stateAfter("retry-wait", "cancel")]).toEqual(["cancelled", "cancelled"]);
    expect(next("sending", "cancel")).toMatchObject({ next: "sending", actions: ["requestCancel"] });
    expect(next("waiting-report", "cancel")).toBeUndefined();
  });

  it("takes back what is handed back, unless the handset has it", () => {
    expect(stateAfter("sending", "release")).toBe("pending");
    expect(stateAfter("sending", "release", "cancelRequested")).toBe("cancelled");
    expect(stateAfter("waiting-report", "release", "cancelRequested")).toBe("waiting-report");
  });

  it("sends what is due, or ends it; and what waits after an attempt has a time", () => {
    const waits: Partial<Record<DeliveryState, DeliveryAction>> = {
      sending: "send",
      "retry-wait": "scheduleRetry",
      "waiting-report": "awaitReport",
    };
    const stored: readonly string[] = ["cancel", "registered", "release", "reject"];
    for (const [event, transitions] of rows.flatMap(([, row]) => Object.entries(row)))
      for (const { actions, next: state } of stored.includes(event) ? [] : transitions)
        expect(actions[0], `${event} ${state}`).toBe(waits[state] ?? "finish");
  });

  it("tells the initiator pending until it is final (PAP 2.x message-state)", () => {
    expect(liveStates.map(messageStateOf)).toEqual(liveStates.map(() => "pending"));
    expect(finalStates.map(messageStateOf)).toEqual([...finalStates]);
    expect([isLive("retry-wait"), isLive("delivered"), isLive("toString")]).toEqual([true, false, false]);
  });

  it("reads as this transcript", () => {
    const lines = rows.flatMap(([state, row]) =>
      Object.entries(row).flatMap(([event, transitions]) =>
        transitions.map(
          ({ guards, actions, next: after }) =>
            `${state} ${event} [${guards.join(" ")}] -> ${after}: ${actions.join(" ")}`,
        ),
      ),
    );
    expect(lines).toMatchSnapshot();
  });

  it("can be drawn", () => {
    const entries = rows.map(([state, row]) => {
      const drawn = Object.entries(row).flatMap(([event, transitions]) =>
        transitions.map(({ guards, actions, next: after }) => {
          const label = guards.length === 0 ? event : `${event} [${guards.join(" ")}]`;
          return [label, to(after as string, ...(actions as readonly string[]))] as const;
        }),
      );
      return [state, Object.fromEntries(drawn)] as const;
    });
    const table: MachineTable<string, string, string> = Object.fromEntries(entries);
    expect(toMermaid(table)).toMatchSnapshot();
  });
});
