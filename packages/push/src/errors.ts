/**
 * What is wrong with a push, a recipient or a setting; found before anything is sent.
 *
 * - `PUSH_BAD_APPLICATION_ID`, `PUSH_BAD_CONTENT_TYPE`, `PUSH_BAD_BODY`, `PUSH_BAD_EXPIRY`, `PUSH_BAD_HEADER`,
 *   `PUSH_BAD_REPORT`: the field of the push has no such value.
 * - `PUSH_BODY_TOO_LARGE`: more octets than the sender's limit.
 * - `PUSH_BAD_RECIPIENT`, `PUSH_NO_RECIPIENT`, `PUSH_TOO_MANY_RECIPIENTS`: no `sip:`, `sips:` or `tel:` URI; none; too many.
 * - `PUSH_INSECURE_PROXY`: a `sips:` recipient, and a first hop that is not reached over TLS (RFC 3261 §26.2.2).
 * - `PUSH_BAD_OPTION`: a setting of the agent.
 */
export type PushInputErrorCode =
  | "PUSH_BAD_APPLICATION_ID"
  | "PUSH_BAD_CONTENT_TYPE"
  | "PUSH_BAD_BODY"
  | "PUSH_BODY_TOO_LARGE"
  | "PUSH_BAD_EXPIRY"
  | "PUSH_BAD_HEADER"
  | "PUSH_BAD_REPORT"
  | "PUSH_BAD_RECIPIENT"
  | "PUSH_NO_RECIPIENT"
  | "PUSH_TOO_MANY_RECIPIENTS"
  | "PUSH_INSECURE_PROXY"
  | "PUSH_BAD_OPTION";

/** Bad input to a push agent: nothing was sent. `message` reads `<field>: <problem>`, in one line whatever the input holds. */
export class PushInputError extends Error {
  override readonly name = "PushInputError";
  readonly code: PushInputErrorCode;
  /** Path of the field or option, such as `contentType` or `to[2]`. */
  readonly field: string;
  /** The same input fails again. */
  readonly retryable = false;

  constructor(code: PushInputErrorCode, field: string, problem: string, options?: ErrorOptions) {
    super(`${field}: ${problem.replace(/\p{Cc}+/gu, " ")}`, options);
    this.code = code;
    this.field = field;
  }
}
