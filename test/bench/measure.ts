import { type RunningProcess, startProcess } from "../support/process.ts";

/** What one process cost, start to end, and what it printed. */
export interface Measured {
  readonly cpuSeconds: number;
  readonly stdout: string;
}

/** Far above any sane run: ends a benchmark that hangs. */
const LIMIT_MS = 300_000;
const SCRIPT = 'TIMEFORMAT=\'cpu %3U %3S\'; time "$0" "$@"';
const TIMES = /^cpu (\d+\.\d+) (\d+\.\d+)$/m;

/** Starts a command under bash's `time`: the system's own accounting of user and system time, the same for every program. */
export function startTimed(command: string, args: readonly string[], cwd: string): RunningProcess {
  return startProcess({ command: "bash", args: ["-c", SCRIPT, command, ...args], cwd });
}

/** Waits for its end; rejects when it failed. */
export async function measured(process: RunningProcess): Promise<Measured> {
  const { code } = await process.waitForExit(LIMIT_MS);
  const times = TIMES.exec(process.stderr);
  if (code !== 0 || times === null) throw process.failure("failed");
  return { cpuSeconds: Number(times[1]) + Number(times[2]), stdout: process.stdout };
}
