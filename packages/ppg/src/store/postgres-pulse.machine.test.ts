import { toMermaid } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { type PulseAction, type PulseEvent, type PulseState, pulse } from "./postgres-pulse.machine.ts";

describe("the pulse of a server", () => {
  it.each<[PulseState, PulseEvent, PulseState, PulseAction[]]>([
    ["idle", "began", "watching", ["startLook"]],
    ["idle", "close", "closed", []],
    ["watching", "calm", "idle", []],
    ["watching", "lively", "watching", ["startLook"]],
    ["watching", "quiet", "asking", ["ask"]],
    ["watching", "close", "closed", ["stopTimer"]],
    ["asking", "heard", "watching", ["dropQuestion", "startLook"]],
    ["asking", "unanswered", "silent", ["reportSilent", "startPause"]],
    ["asking", "close", "closed", ["dropQuestion"]],
    ["silent", "heard", "watching", ["stopTimer", "startLook"]],
    ["silent", "due", "askingAgain", ["ask"]],
    ["silent", "close", "closed", ["stopTimer"]],
    ["askingAgain", "heard", "watching", ["dropQuestion", "startLook"]],
    ["askingAgain", "unanswered", "silent", ["startPause"]],
    ["askingAgain", "close", "closed", ["dropQuestion"]],
  ])("%s, %s: %s", (state, event, next, actions) => {
    expect(pulse[state][event]).toEqual({ next, actions });
  });

  it("has no other rows, and none that leaves the end", () => {
    expect(Object.values(pulse).flatMap((events) => Object.keys(events)).length).toBe(15);
    expect(pulse.closed).toEqual({});
  });

  it("can be drawn", () => {
    expect(toMermaid(pulse)).toMatchSnapshot();
  });
});
