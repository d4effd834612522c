import { toMermaid } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { type HandsetAction, type HandsetEvent, type HandsetState, handset } from "./handset.machine.ts";

describe("the registration of one handset of a fleet (RFC 3261 §10.2)", () => {
  it.each<[HandsetState, HandsetEvent, HandsetState, HandsetAction[]]>([
    ["idle", "start", "queued", ["enqueue"]],
    ["idle", "stop", "ended", ["end"]],
    ["queued", "turn", "registering", ["register"]],
    ["queued", "flowLost", "queued", ["unbind"]],
    ["queued", "flowLostSoon", "queued", ["unbind"]],
    ["queued", "stop", "leaving", []],
    ["registering", "accepted", "registered", ["bind", "startRefresh"]],
    ["registering", "tooBrief", "queued", ["raiseExpires", "enqueue"]],
    ["registering", "refused", "waiting", ["unbind", "startRetry", "reportFailed"]],
    ["registering", "flowLost", "registering", ["unbind"]],
    ["registering", "flowLostSoon", "registering", ["unbind"]],
    ["registering", "stop", "stopping", []],
    ["registered", "due", "queued", ["enqueue"]],
    ["registered", "flowLost", "queued", ["unbind", "stopTimer", "enqueue"]],
    ["registered", "flowLostSoon", "waiting", ["unbind", "startRetry"]],
    ["registered", "stop", "leaving", ["stopTimer", "enqueue"]],
    ["waiting", "due", "queued", ["enqueue"]],
    ["waiting", "stop", "leaving", ["stopTimer", "enqueue"]],
    ["stopping", "accepted", "leaving", ["enqueue"]],
    ["stopping", "tooBrief", "leaving", ["enqueue"]],
    ["stopping", "refused", "leaving", ["enqueue"]],
    ["leaving", "turn", "removing", ["remove"]],
    ["removing", "removed", "ended", ["unbind", "end"]],
  ])("%s, %s: %s", (state, event, next, actions) => {
    expect(handset[state][event]).toEqual({ next, actions });
  });

  it("has no other rows, and none that leaves the end", () => {
    expect(Object.values(handset).flatMap((events) => Object.keys(events)).length).toBe(23);
    expect(handset.ended).toEqual({});
  });

  it("can be drawn", () => {
    expect(toMermaid(handset)).toMatchSnapshot();
  });
});
