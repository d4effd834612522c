import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { run } from "./run.ts";

/** What the contract gives Ctrl-C. */
const END_MS = 1_000;

const stop = new AbortController();
/** One Ctrl-C may come twice, from the terminal and from npx or timeout(1). Who is not gone in time ends by the next. */
function end(): void {
  stop.abort();
  setTimeout(() => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeAllListeners(signal);
  }, END_MS).unref();
}
let hangup = end;
process
  .on("SIGINT", end)
  .on("SIGTERM", end)
  .on("SIGHUP", () => hangup());
// A reader that went away (`| head`) is no failure of ours. A log that cannot be written, as its disk is full, ends nothing.
process.stdout.on("error", () => stop.abort());
process.stderr.on("error", ({ code }: NodeJS.ErrnoException) => {
  if (code === "EPIPE") stop.abort();
});

// A command ends when it is done, and not for want of sockets: who waits to connect again over TLS or WebSocket has none open.
const alive = setInterval(() => {}, 0x7fff_ffff);
process.exitCode = await run(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  stop: stop.signal,
  onHangup: (reload) => {
    hangup = reload;
  },
  readFile: (path) => (path === "-" ? buffer(process.stdin) : readFile(path)),
  writeOctets: (octets) => void process.stdout.write(octets),
});
clearInterval(alive);
