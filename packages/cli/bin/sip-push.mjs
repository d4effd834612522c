#!/usr/bin/env node
// Starts the command line on a Node that can run it. Keeps to what Node 20 has.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";

const own = resolve(fileURLToPath(import.meta.url), "../..");
const main = join(own, "dist/main.js");
const [major, minor] = process.versions.node.split(".").map(Number);

/** Gives up before the program has started: exit code 2, as for bad usage. */
const stop = (text) => {
  process.stderr.write(`sip-push: ${text}\n`);
  process.exit(2);
};

/** The Node that the workspace brings along, looked for upwards from here. */
const bundledNode = () => {
  const name = process.platform === "win32" ? "node.exe" : "node";
  for (let folder = own; folder !== dirname(folder); folder = dirname(folder)) {
    const candidate = join(folder, "node_modules/node/bin", name);
    if (existsSync(candidate)) return candidate;
  }
  return undefined;
};

if (!existsSync(main)) stop("not built yet; run npm start (or npm run build) in the project's folder first");

if (major > 22 || (major === 22 && minor >= 19)) {
  // V8 makes objects of kinds that lived long so far in the old generation at once. Those of a request then die there, and hold the
  // rest of it until the next full collection: collections of the young generation take 15 ms instead of 2 (docs/performance.md).
  setFlagsFromString("--no-allocation-site-pretenuring");
  process.argv[1] = main;
  await import(pathToFileURL(main).href);
} else {
  const node = bundledNode() ?? stop(`needs Node 22.19 or newer, this is ${process.version}`);
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal gives Ctrl-C to the child as well; other senders signal this process only.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.once("error", (error) => stop(`cannot start ${node}: ${error.message}`));
  child.once("close", (code, signal) => {
    if (signal === null) process.exit(code);
    for (const each of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}
