import type { MessagePort } from "node:worker_threads";
import type { ErrorForm } from "../error-form.ts";
import type { StoreErrorCode } from "./errors.ts";
import type { SqliteCall } from "./sqlite-calls.ts";
import type { TakenBack, WorkKind } from "./types.ts";

/* What goes between the store and the thread that has its database. */

/** What a thread is started with. */
export interface ThreadSettings {
  readonly directory: string;
  /** Entries of the look-up table kept in memory before they are written, sorted. */
  readonly lookupInMemory: number;
}

/** A call, known by its number. */
export type ThreadCall = readonly [number: number, name: SqliteCall, args: never];

/** What became of deliveries may wait a little for something else to be committed with: nobody waits for that. */
export function isPatient(name: SqliteCall): boolean {
  return name === "advance";
}

/**
 * Calls that wait at the same time. `link`: another way for such requests. `close`: answers what has come this way, and closes it;
 * when it is the way of whoever started the thread, the database too.
 */
export type ThreadRequest = readonly ThreadCall[] | { readonly link: MessagePort } | "close";

/** What a {@link StoreError} says, with what is behind it. */
export interface ThreadError {
  readonly code: StoreErrorCode;
  readonly problem: string;
  /** Null: nothing. */
  readonly cause: ErrorForm | null;
}

export type ThreadResult = readonly [number: number, value: unknown, error: ThreadError | null];

/**
 * `opened` (with why not, or null) comes first, once, to whoever started the thread. All `results` of a message were committed
 * together. `worked` goes to all, each of `takenBack` to one.
 */
export type ThreadReply =
  | { readonly reply: "opened"; readonly error: ThreadError | null }
  | {
      readonly reply: "results";
      readonly results: readonly ThreadResult[];
      /** There may be such work. */
      readonly worked: readonly WorkKind[];
      readonly takenBack: readonly TakenBack[];
    };
