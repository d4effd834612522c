import { inspect } from "node:util";
import type { Logger } from "@sip-push/sip";
import { type LogLevel, logLevels } from "../config/types.ts";

type Level = keyof Logger;

/** What another thread has to log. */
export type LogLine = readonly [level: Level, fields: object, message: string];

/** Writes what is of that level or above. */
export function loggerFrom(from: LogLevel, logger: Logger): Logger {
  return loggerOf((level) => {
    if (logLevels.indexOf(level) < logLevels.indexOf(from)) return () => {};
    return (fields, message) => logger[level](fields, message);
  });
}

/** Has what is logged sent to the thread that has the log. */
export function lineLogger(send: (line: LogLine) => void): Logger {
  return loggerOf((level) => (fields, message) => send([level, sendable(fields), message]));
}

function loggerOf(log: (level: Level) => Logger[Level]): Logger {
  return { trace: log("trace"), debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** Writes what another thread has sent. */
export function writeLine(logger: Logger, [level, fields, message]: LogLine): void {
  logger[level](fields, message);
}

/** Why an error came about is told so far back. */
const MAX_CAUSES = 8;

/** Errors as pino writes them: cloned, they lose their own members. What has no form as JSON has none in a log either. */
function sendable(fields: object): object {
  return plainMembers(fields, 0);
}

function plainMembers(of: object, causes: number): object {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, plain(value, causes)]));
}

/** What JSON refuses, as a circle, is described: a line in the log must not fail. */
function plain(value: unknown, causes: number): unknown {
  if (value instanceof Error) return causes < MAX_CAUSES ? plainError(value, causes) : String(value);
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return inspect(value, { depth: 1 });
  }
}

function plainError(error: Error, causes: number): object {
  const cause = error.cause instanceof Error ? { cause: plain(error.cause, causes + 1) } : {};
  const own = plainMembers(error, causes + 1);
  return { ...own, type: error.name, message: error.message, stack: error.stack, ...cause };
}
