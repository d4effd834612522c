import { type DispositionRequest, statusesOf } from "@sip-push/bodies";
import { describe, expect, it } from "vitest";
import type { ReportPolicy } from "./report-options.ts";
import { type PushFate, reportFor, reportTable } from "./report-table.ts";

const P = "positive-delivery";
const N = "negative-delivery";

describe("the report that is due (RFC 5438 §7.2.1, §12.1.3.1)", () => {
  it.each<[ReportPolicy, PushFate, DispositionRequest[], string | undefined]>([
    ["send", "delivered", [P], "delivery delivered"],
    ["send", "delivered", [N], undefined],
    ["send", "failed", [N], "delivery failed"],
    ["send", "failed", [P], undefined],
    ["send", "unknown", [P], "delivery error"],
    ["send", "unknown", [N], "delivery error"],
    ["send", "slow", ["processing"], "processing processed"],
    ["send", "slow", [P, N], undefined],
    ["send", "delivered", ["display", "processing"], undefined],
    ["forbid", "delivered", [N], "delivery forbidden"],
    ["forbid", "failed", [P], "delivery forbidden"],
    ["forbid", "unknown", [P, N], "delivery forbidden"],
    ["forbid", "slow", ["processing"], "processing forbidden"],
    ["forbid", "delivered", ["display"], undefined],
    ["never", "delivered", [P, N], undefined],
  ])("%s, %s, asked for %j: %s", (policy, fate, asked, expected) => {
    const due = reportFor(policy, fate, asked);
    expect(due && `${due.kind} ${due.status}`).toBe(expected);
  });

  it("has only statuses that its kind may have (§11.1.7)", () => {
    for (const { kind, status } of reportTable) expect(statusesOf[kind]).toContain(status);
  });
});
