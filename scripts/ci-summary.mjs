// Prints, as the last line, "N passed, N failed" (and ", N skipped" if any), from vitest's JSON report and two exit codes:
//   node scripts/ci-summary.mjs <report.json> <of npm run check> <of npm test>
// Exit code 0 only if something passed and nothing failed. Skipped tests are named: in CI there should be none.
import { existsSync, readFileSync } from "node:fs";

const [report, check, test] = process.argv.slice(2);
const tests = existsSync(report)
  ? JSON.parse(readFileSync(report, "utf8")).testResults.flatMap((file) =>
      // A file that could not be loaded has failed without a test of its own.
      file.status === "failed" && file.assertionResults.length === 0
        ? [{ status: "failed", fullName: file.name }]
        : file.assertionResults,
    )
  : [];
const having = (...statuses) => tests.filter(({ status }) => statuses.includes(status));
const passed = having("passed").length;
const skipped = having("skipped", "pending", "todo", "disabled");
const failed = having("failed").map(({ fullName }) => fullName);
if (check !== "0") failed.push("npm run check: see what it says above, before the tests");
// An error outside all tests; or a run that ended before its first test, and left no report.
if (having("failed").length === 0 && (test !== "0" || passed === 0)) failed.push("npm test: see what it says above");

for (const { fullName } of skipped) console.log(`skipped: ${fullName}`);
for (const what of failed) console.log(`failed: ${what}`);
console.log(`${passed} passed, ${failed.length} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ""}`);
process.exitCode = failed.length === 0 ? 0 : 1;
