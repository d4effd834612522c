import { inspect } from "node:util";

/** An error as plain data. On its way to another thread an error itself loses what it has besides message and stack. */
export interface ErrorForm {
  readonly type: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly cause?: ErrorForm | string;
  /** What it has of its own, such as `code`. */
  readonly [member: string]: unknown;
}

/** Why an error came about is told so far back. */
const MAX_CAUSES = 8;

/** The error with its own members and its causes. What is thrown but no error has only a message. */
export function errorForm(error: unknown): ErrorForm {
  if (error instanceof Error) return formOf(error, 0);
  return { type: "Error", message: typeof error === "string" ? error : inspect(error, { depth: 1 }) };
}

/** The error again: of class `Error`, but with the name, the members and the stack that it had, for a log. */
export function errorFrom({ type, message, stack, cause, ...members }: ErrorForm): Error {
  const options = cause === undefined ? {} : { cause: typeof cause === "string" ? cause : errorFrom(cause) };
  return Object.assign(new Error(message, options), { ...members, name: type, ...(stack !== undefined && { stack }) });
}

/** The members of something as JSON has them, errors as their form. */
export function plainMembers(of: object, causes = 0): Record<string, unknown> {
  return Object.fromEntries(Object.entries(of).map(([name, value]) => [name, plain(value, causes)]));
}

function formOf(error: Error, causes: number): ErrorForm {
  const cause = error.cause instanceof Error ? { cause: plain(error.cause, causes + 1) as ErrorForm | string } : {};
  const own = plainMembers(error, causes + 1);
  return { ...own, type: error.name, message: error.message, stack: error.stack, ...cause };
}

/** What JSON refuses, as a circle, is described: none of this may fail. */
function plain(value: unknown, causes: number): unknown {
  if (value instanceof Error) return causes < MAX_CAUSES ? formOf(value, causes) : String(value);
  try {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined ? undefined : (JSON.parse(text) as unknown);
  } catch {
    return inspect(value, { depth: 1 });
  }
}
