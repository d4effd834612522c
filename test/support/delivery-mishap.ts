// Preloaded into `sip-push ppg`: on SIGUSR2 its delivering thread throws, or ends, as MISHAP says. With `survived` the process takes
// one uncaught error as nothing.
import { BroadcastChannel, isMainThread, type Worker, workerData } from "node:worker_threads";

const mishap = process.env["MISHAP"];
const channel = new BroadcastChannel("mishap");
channel.unref();

if (isMainThread) {
  const workers: Worker[] = [];
  process.on("worker", (worker) => void workers.push(worker));
  if (mishap === "survived") process.once("uncaughtException", (error) => console.error(`survived: ${error.message}`));
  process.on("SIGUSR2", () => {
    // The thread of the database is the first.
    if (mishap === "ends") void workers.at(-1)?.terminate();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- no window
    else channel.postMessage("now");
  });
} else if (workerData !== null && typeof workerData === "object" && "places" in workerData) {
  channel.addEventListener("message", () => {
    throw new Error("a mistake of the delivering thread");
  });
}
