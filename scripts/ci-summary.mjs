// Reads vitest's JSON report and prints, as the last line, "N passed, N failed" (and ", N skipped" if any).
//   node scripts/ci-summary.mjs <report.json>
// Exit code 0 only if something passed and nothing failed. Skipped tests are named: in CI there should be none.
import { existsSync, readFileSync } from "node:fs";

const [report] = process.argv.slice(2);
if (report === undefined || !existsSync(report)) {
  console.error("The test run left no report: it ended before its first test.");
  console.log("0 passed, 1 failed");
  process.exit(1);
}

const result = JSON.parse(readFileSync(report, "utf8"));
const tests = result.testResults.flatMap((file) => file.assertionResults);
const having = (...statuses) => tests.filter(({ status }) => statuses.includes(status));
const passed = having("passed").length;
// A file that could not be loaded has failed without a test of its own.
const unloaded = result.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0);
const failed = having("failed").length + unloaded.length;
const skipped = having("skipped", "pending", "todo", "disabled");

for (const { fullName } of skipped) console.log(`skipped: ${fullName}`);
console.log(`${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
