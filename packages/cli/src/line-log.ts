import { type Logger as Pino, pino } from "pino";
import type { Io } from "./io.ts";

/** Lines are kept together up to this size. */
const MAX_HELD_CHARACTERS = 65_536;

/** A log of JSON lines on standard error. */
export interface LineLog {
  readonly logger: Pino;
  /** Writes what is held; what comes later is written at once. */
  flush(): void;
}

/**
 * Lines of one turn of the event loop are written together: a gateway has thousands a second, and each write to a pipe or a file
 * waits for the system.
 */
export function openLog(io: Io, options: { readonly level: string; readonly base: object }): LineLog {
  let held = "";
  let scheduled = false;
  let ended = false;
  const write = (): void => {
    scheduled = false;
    if (held === "") return;
    const lines = held;
    held = "";
    io.stderr.write(lines);
  };
  const destination = {
    write(line: string): void {
      held += line;
      if (ended || held.length >= MAX_HELD_CHARACTERS) write();
      else if (!scheduled) {
        scheduled = true;
        setImmediate(write);
      }
    },
  };
  const flush = (): void => {
    ended = true;
    write();
  };
  return { logger: pino({ ...options, timestamp: pino.stdTimeFunctions.isoTime }, destination), flush };
}
