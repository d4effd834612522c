import { type Logger as Pino, pino } from "pino";

/** What a command has of the world: tests pass their own. */
export interface Io {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C or a termination signal. */
  readonly stop: AbortSignal;
  /** SIGHUP is no termination signal from now on, but calls this. */
  readonly onHangup?: (reload: () => void) => void;
  /** Whole content of a file; "-" is standard input. */
  readFile(path: string): Promise<Uint8Array>;
  /** Writes octets to standard output unchanged. */
  writeOctets(octets: Uint8Array): void;
}

/** Exit codes of the command line contract. */
export const exitCodes = { done: 0, notDelivered: 1, badInput: 2 } as const;

/** Bad usage, configuration or input: said in one line, exit code 2, nothing sent. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** One JSON object on one line of standard output. */
export function printJson(io: Io, object: object): void {
  io.stdout.write(`${JSON.stringify(object)}\n`);
}

const levels: readonly string[] = [...Object.keys(pino.levels.values), "silent"];

/**
 * Logs go to standard error. `SIP_PUSH_LOG` asks for JSON lines from a level on (trace … fatal, silent); without it there are
 * only warnings and errors, as text.
 *
 * @throws {UsageError}
 */
export function createLogger(io: Io): Pino {
  const level = io.env["SIP_PUSH_LOG"] ?? "";
  if (level !== "" && !levels.includes(level)) {
    throw new UsageError(`SIP_PUSH_LOG: "${level}" is none of ${levels.join(", ")}`);
  }
  const write = (line: string): void => void io.stderr.write(level === "" ? asText(line) : line);
  return pino({ level: level === "" ? "warn" : level, base: null }, { write });
}

/** A log line of pino for people: the message, then the fields that are short. */
function asText(line: string): string {
  const { level, time: _, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const problem = (err as { message?: string } | undefined)?.message;
  const details = Object.entries({ ...fields, ...(problem !== undefined && { problem }) }).map(
    ([name, value]) => `${name} ${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  const kind = Number(level) >= pino.levels.values["error"]! ? "error" : "warning";
  return `sip-push: ${kind}: ${String(msg)}${details.length > 0 ? ` (${details.join(", ")})` : ""}\n`;
}

/** Resolves when the person or the system asks the command to end. */
export function untilStopped(io: Io): Promise<void> {
  return new Promise((resolve) => {
    if (io.stop.aborted) resolve();
    else io.stop.addEventListener("abort", () => resolve(), { once: true });
  });
}
