import { describe, expect, it } from "vitest";
import { toMermaid } from "../transaction/machine.ts";
import { registration } from "./registration.machine.ts";

describe("registration (RFC 3261 §10.2, RFC 5626 §4)", () => {
  it("has no row that leaves its last state", () => {
    expect(registration.ended).toEqual({});
  });

  it("reaches every state from the first", () => {
    const reached = new Set(["idle"]);
    for (const state of reached) {
      for (const row of Object.values(registration[state as keyof typeof registration])) reached.add(row.next);
    }
    expect([...reached].sort()).toEqual(Object.keys(registration).sort());
  });

  it("has no row that sends a REGISTER while another is under way (RFC 3261 §10.2)", () => {
    const answers = ["accepted", "tooBrief", "noOutbound", "refused"];
    for (const state of ["registering", "stopping", "removing"] as const) {
      for (const [trigger, { actions }] of Object.entries(registration[state])) {
        const sends = actions.filter((action) => action === "register" || action === "remove");
        expect(sends.length).toBeLessThanOrEqual(1);
        if (sends.length > 0) expect(answers).toContain(trigger);
      }
    }
  });

  it("has a way to the end from every state by stop and what it brings about", () => {
    for (const [state, row] of Object.entries(registration)) {
      if (state !== "stopping" && state !== "removing" && state !== "ended") expect(row).toHaveProperty("stop");
    }
    expect(Object.keys(registration.stopping)).toEqual(
      expect.arrayContaining(["accepted", "tooBrief", "noOutbound", "refused", "endpointClosed"]),
    );
  });

  it("can be drawn", () => {
    expect(toMermaid(registration)).toMatchSnapshot();
  });
});
