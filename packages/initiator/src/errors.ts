/**
 * What is wrong on this side. Closed set; whatever the other side does is a returned outcome.
 *
 * - `INITIATOR_BAD_OPTION`: an option of the initiator or the listener. `INITIATOR_BAD_PUSH`: a value of a push or a query.
 * - `INITIATOR_CLOSED`: used after `close()`.
 * - `INITIATOR_LISTEN_FAILED`: the address cannot be bound, or the key and certificate do not serve.
 */
export type InitiatorErrorCode =
  | "INITIATOR_BAD_OPTION"
  | "INITIATOR_BAD_PUSH"
  | "INITIATOR_CLOSED"
  | "INITIATOR_LISTEN_FAILED";

/** The one error of this package. `message` begins with the field when there is one: `<field>: <problem>`. */
export class InitiatorError extends Error {
  override readonly name = "InitiatorError";
  readonly code: InitiatorErrorCode;
  /** Path of the option or value at fault, such as `content.headers`; null when it is about none. */
  readonly field: string | null;
  /** Whether the same call may succeed later. */
  readonly retryable: boolean;

  constructor(code: InitiatorErrorCode, problem: string, field: string | null = null, cause?: unknown) {
    super(field === null ? problem : `${field}: ${problem}`, cause === undefined ? undefined : { cause });
    this.code = code;
    this.field = field;
    this.retryable = code === "INITIATOR_LISTEN_FAILED";
  }
}
