import { fileURLToPath } from "node:url";
import { type RunningProcess, startProcess } from "./process.ts";

const main = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url));

/** Starts `sip-push` from its sources, so that no build is needed. */
export function startCli(args: readonly string[]): RunningProcess {
  return startProcess({
    command: process.execPath,
    args: ["--conditions=@sip-push/source", "--disable-warning=ExperimentalWarning", main, ...args],
  });
}
