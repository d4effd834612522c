import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";

/** How a program ended: by exit code, or by a signal. */
export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What it reads from standard input; default: nothing is there. */
  readonly input?: string | Uint8Array;
  /** Where standard error goes, as a service's log does; default: it is collected. */
  readonly stderrFile?: string;
}

/**
 * What does not come at all is not waited for longer. How soon something comes is for the benchmarks: a machine may be busy. Nor who
 * does not end: a gateway has 20 s for what is under way.
 */
const WAIT_MS = 30_000;
/** Characters kept of each output stream at least; the oldest go, in one piece, when there are twice as many. */
const outputLimit = 1_000_000;

const running = new Set<RunningProcess>();

// Even a test run that is torn down hard leaves no peer behind.
process.once("exit", () => {
  for (const each of running) each.killGroup("SIGKILL");
});

/** A peer program that we started: in a process group of its own, output collected, ended by `stop()`. */
export class RunningProcess {
  readonly name: string;
  readonly exited: Promise<ProcessExit>;
  stdout = "";
  stderr = "";
  readonly #child: ChildProcess;
  readonly #stderrFile: string | undefined;
  readonly #listeners = new Set<() => void>();
  #exit: ProcessExit | undefined;
  #spawnError: Error | undefined;

  constructor(options: ProcessOptions) {
    this.name = options.command;
    this.#stderrFile = options.stderrFile;
    const log = options.stderrFile === undefined ? "pipe" : openSync(options.stderrFile, "a");
    this.#child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", log],
      detached: true,
    });
    if (log !== "pipe") closeSync(log);
    running.add(this);
    // One that ends without reading its input is no failure.
    this.#child.stdin?.on("error", () => {}).end(options.input);
    this.#child.stdout?.setEncoding("latin1").on("data", (text: string) => this.#collect("stdout", text));
    this.#child.stderr?.setEncoding("latin1").on("data", (text: string) => this.#collect("stderr", text));
    this.exited = new Promise((resolve) => {
      const ended = (exit: ProcessExit): void => {
        this.#exit = exit;
        running.delete(this);
        for (const listener of this.#listeners) listener();
        resolve(exit);
      };
      this.#child.once("error", (error) => {
        this.#spawnError = error;
        ended({ code: null, signal: null });
      });
      this.#child.once("close", (code, signal) => ended({ code, signal }));
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get exit(): ProcessExit | undefined {
    return this.#exit;
  }

  /** stdout, then stderr. */
  get output(): string {
    return this.stdout + (this.#stderrFile === undefined ? this.stderr : readFileSync(this.#stderrFile, "latin1"));
  }

  /** Settles when the output matches; rejects, with the output, when the program ends first or time is up. */
  waitForOutput(pattern: RegExp, timeoutMs = WAIT_MS): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        clearTimeout(timer);
        this.#listeners.delete(look);
        settle();
      };
      const look = (): void => {
        const match = this.stdout.match(pattern) ?? this.stderr.match(pattern);
        if (match) done(() => resolve(match));
        else if (this.#exit) done(() => reject(this.failure(`ended before it wrote ${pattern}`)));
      };
      const timer = setTimeout(
        () => done(() => reject(this.failure(`did not write ${pattern} within ${timeoutMs} ms`))),
        timeoutMs,
      );
      this.#listeners.add(look);
      look();
    });
  }

  /** Waits for the program to end by itself. */
  async waitForExit(timeoutMs = WAIT_MS): Promise<ProcessExit> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(this.failure(`still running after ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      return await Promise.race([this.exited, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** SIGTERM, and SIGKILL to the whole group at the deadline. Idempotent. */
  async stop(deadlineMs = WAIT_MS): Promise<ProcessExit> {
    if (this.#exit) return this.#exit;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.killGroup("SIGKILL"), deadlineMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  /** For the workers that a program forks, which may outlive it. */
  killGroup(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Already gone.
    }
  }

  /** An error that says what the program said. */
  failure(what: string): Error {
    const exit = this.#exit ? `exit code ${this.#exit.code}, signal ${this.#exit.signal}` : "running";
    const said = this.output.slice(-4_000).trim() || "(nothing)";
    return new Error(`${this.name} ${what} (${exit}). It said:\n${said}`, { cause: this.#spawnError });
  }

  #collect(stream: "stdout" | "stderr", text: string): void {
    const all = this[stream] + text;
    this[stream] = all.length > 2 * outputLimit ? all.slice(-outputLimit) : all;
    for (const listener of this.#listeners) listener();
  }
}

export function startProcess(options: ProcessOptions): RunningProcess {
  return new RunningProcess(options);
}

/** Ends everything that `startProcess` started and that still runs. */
export async function stopAllProcesses(): Promise<void> {
  await Promise.all([...running].map((each) => each.stop()));
}
