import { describe, expect, it } from "vitest";
import { toMermaid } from "../transaction/machine.ts";
import { publication } from "./publication.machine.ts";

describe("publication (RFC 3903 §4, §5)", () => {
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
