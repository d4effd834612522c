import { toMermaid } from "@sip-push/sip";
import { describe, expect, it } from "vitest";
import { type ReportAction, type ReportEvent, type ReportState, report } from "./report.machine.ts";

describe("a delivery report on its way", () => {
  it.each<[ReportState, ReportEvent, ReportState, ReportAction[]]>([
    ["idle", "start", "sending", ["send"]],
    ["idle", "close", "ended", ["countDropped"]],
    ["sending", "accepted", "ended", ["countSent"]],
    ["sending", "refused", "ended", ["countFailed"]],
    ["sending", "deferred", "waiting", ["startRetry"]],
    ["sending", "exhausted", "ended", ["countFailed"]],
    ["sending", "close", "ended", ["abort", "countDropped"]],
    ["waiting", "retryDue", "sending", ["send"]],
    ["waiting", "close", "ended", ["stopRetry", "countDropped"]],
  ])("%s, %s: %s", (state, event, next, actions) => {
    expect(report[state][event]).toEqual({ next, actions });
  });

  it("has no other rows, and none that leaves the end", () => {
    expect(Object.values(report).flatMap((events) => Object.keys(events)).length).toBe(9);
    expect(report.ended).toEqual({});
  });

  it("can be drawn", () => {
    expect(toMermaid(report)).toMatchSnapshot();
  });
});
