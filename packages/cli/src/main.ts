import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { run } from "./run.ts";

/** What the contract gives Ctrl-C. */
const END_MS = 1_000;

const stop = new AbortController();
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
/** One Ctrl-C may come twice, from the terminal and from npx or timeout(1). Who is not gone in time ends by the next. */
function end(): void {
  stop.abort();
  setTimeout(() => {
    for (const signal of signals) process.removeListener(signal, end);
  }, END_MS).unref();
}
for (const signal of signals) process.on(signal, end);
// A reader that went away (`| head`) is no failure of ours.
process.stdout.on("error", () => stop.abort());

// A command ends when it is done, and not for want of sockets: who waits to connect again over TLS or WebSocket has none open.
const alive = setInterval(() => {}, 0x7fff_ffff);
process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  stop: stop.signal,
  readFile: (path) => (path === "-" ? buffer(process.stdin) : readFile(path)),
  writeOctets: (octets) => void process.stdout.write(octets),
});
clearInterval(alive);
