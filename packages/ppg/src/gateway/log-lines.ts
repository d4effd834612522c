import type { Logger } from "@sip-push/sip";
import { type LogLevel, logLevels } from "../config/types.ts";

type Level = keyof Logger;

/** What another thread has to log. */
export type LogLine = readonly [level: Level, fields: object, message: string];

/** Has what is logged from that level on sent to the thread that has the log. */
export function lineLogger(from: LogLevel, send: (line: LogLine) => void): Logger {
  const log = (level: Level): Logger[Level] =>
    logLevels.indexOf(level) < logLevels.indexOf(from)
      ? () => {}
      : (fields, message) => send([level, sendable(fields), message]);
  return { trace: log("trace"), debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** Writes what another thread has sent. */
export function writeLine(logger: Logger, [level, fields, message]: LogLine): void {
  logger[level](fields, message);
}

/** Errors as pino writes them: cloned, they lose their own members. What has no form as JSON has none in a log either. */
function sendable(fields: object): object {
  const plain = Object.entries(fields).map(([name, value]) => [
    name,
    value instanceof Error ? plainError(value) : value,
  ]);
  return JSON.parse(JSON.stringify(Object.fromEntries(plain))) as object;
}

function plainError(error: Error): object {
  const cause = error.cause instanceof Error ? { cause: plainError(error.cause) } : {};
  const own = Object.fromEntries(Object.entries(error));
  return { ...own, type: error.name, message: error.message, stack: error.stack, ...cause };
}
