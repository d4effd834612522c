/**
 * Why the store cannot do it. Closed set.
 *
 * - `STORE_BAD_INPUT`: no recipients, the same address twice, a bad limit. `STORE_TOO_NEW`: the database was written by a later
 *   version. `STORE_CLOSED`: after `close()`.
 * - `STORE_IN_USE`: another process has the data directory.
 * - `STORE_UNAVAILABLE`: the database does not answer, or is full; what was asked for is not done, or (with a connection that
 *   broke while it committed) not known to be done. A push-message that its initiator repeats then is a `duplicate` if it was: it is kept.
 */
export type StoreErrorCode =
  | "STORE_BAD_INPUT"
  | "STORE_TOO_NEW"
  | "STORE_CLOSED"
  | "STORE_IN_USE"
  | "STORE_UNAVAILABLE";

/** A failure of the store itself; a duplicate or a lost lease is a returned result. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly code: StoreErrorCode;
  /** Whether the same call may do better later. */
  readonly retryable: boolean;

  constructor(code: StoreErrorCode, problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.code = code;
    this.retryable = code === "STORE_UNAVAILABLE" || code === "STORE_IN_USE";
  }
}

/** The error as a {@link StoreError}: what is none becomes `STORE_UNAVAILABLE`. */
export function storeErrorOf(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const problem = error instanceof Error ? error.message : String(error);
  return new StoreError("STORE_UNAVAILABLE", problem, { cause: error });
}
