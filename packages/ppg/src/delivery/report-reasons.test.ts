import { expect, it } from "vitest";
import { NO_REPORT, reportIn, reportReason } from "./report-reasons.ts";

it.each([
  [reportReason("delivered"), "came"],
  [reportReason("failed"), "came"],
  [NO_REPORT, "missing"],
  [`OK; ${NO_REPORT}`, "missing"],
  [`${reportReason("delivered")}; ${NO_REPORT}`, "missing"], // the handset's reason phrase comes first
  ["deliver-before has passed", null],
  ["", null],
])("%s", (reason, expected) => {
  expect(reportIn(reason)).toBe(expected);
});
