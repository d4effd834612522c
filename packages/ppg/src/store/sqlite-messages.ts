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

/** Calls that wait at the same time; each is known by its number. */
export type ThreadRequest = readonly (readonly [number: number, name: SqliteCall, args: never])[] | "close";

/** What a {@link StoreError} says; errors lose their members on the way. */
export interface ThreadError {
  readonly code: StoreErrorCode;
  readonly problem: string;
}

/** `opened` (with why not, or null) comes first, once. All `results` of a message were committed together. */
export type ThreadReply =
  | { readonly reply: "opened"; readonly error: ThreadError | null }
  | {
      readonly reply: "results";
      readonly results: readonly (readonly [number: number, value: unknown, error: ThreadError | null])[];
      /** There may be such work. */
      readonly worked: readonly WorkKind[];
      readonly takenBack: readonly TakenBack[];
    }
  | { readonly reply: "closed" };
