import type { Logger } from "@sip-push/sip";
import { type LogLevel, logLevels } from "../config/types.ts";
import { plainMembers } from "../error-form.ts";

type Level = Exclude<keyof Logger, "isLevelEnabled">;

/** What another thread has to log. */
export type LogLine = readonly [level: Level, fields: object, message: string];

/** Writes what is of that level or above. */
export function loggerFrom(level: LogLevel, logger: Logger): Logger {
  const from = logLevels.indexOf(level);
  const isWritten = (asked: string): boolean => (logLevels as readonly string[]).indexOf(asked) >= from;
  const log = (asked: Level): Logger[Level] =>
    isWritten(asked) ? (fields, message) => logger[asked](fields, message) : () => {};
  return { ...loggerOf(log), isLevelEnabled: (asked) => isWritten(asked) && logger.isLevelEnabled?.(asked) === true };
}

/** Has what is logged sent to the thread that has the log, errors as pino writes them. */
export function lineLogger(send: (line: LogLine) => void): Logger {
  const log =
    (level: Level): Logger[Level] =>
    (fields, message) =>
      send([level, plainMembers(fields), message]);
  return { ...loggerOf(log), isLevelEnabled: () => true };
}

function loggerOf(log: (level: Level) => Logger[Level]): Logger {
  return { trace: log("trace"), debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
}

/** Writes what another thread has sent. */
export function writeLine(logger: Logger, [level, fields, message]: LogLine): void {
  logger[level](fields, message);
}
