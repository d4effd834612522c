import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { run } from "./run.ts";

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => stop.abort());
// A reader that went away (`| head`) is no failure of ours.
process.stdout.on("error", () => stop.abort());

process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  stop: stop.signal,
  readFile: (path) => (path === "-" ? buffer(process.stdin) : readFile(path)),
  writeOctets: (octets) => void process.stdout.write(octets),
});
