// All static checks, each even when an earlier one failed. Started by setup.mjs on the workspace's Node.
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const bin = (path) => join(root, "node_modules", path);

const checks = [
  ["types", bin("typescript/bin/tsc"), "-b"],
  ["lint", bin("oxlint/bin/oxlint"), "--type-aware", "--deny-warnings"],
  ["format", bin("@biomejs/biome/bin/biome"), "check", "--error-on-warnings"],
  ["unused", bin("knip/bin/knip.js"), "--no-progress"],
];

const failed = [];
for (const [name, ...args] of checks) {
  const startMs = performance.now();
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  process.stdout.write(`check ${name}: ${status === 0 ? "ok" : "FAILED"} (${seconds} s)\n`);
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  process.stdout.write(`check failed: ${failed.join(", ")}. Formatting and import order: npm run format\n`);
  process.exitCode = 1;
}
