/**
 * - `FRONT_LISTEN_FAILED`: the address cannot be listened on; retryable, since who has it may go away.
 * - `FRONT_BAD_TLS`: certificate, key or authority cannot be used, or are missing for https.
 * - `FRONT_BAD_OPTION`: an option that no gateway can work with.
 */
export type FrontErrorCode = "FRONT_LISTEN_FAILED" | "FRONT_BAD_TLS" | "FRONT_BAD_OPTION";

/** The HTTP front cannot be opened, or not be changed, as asked. */
export class FrontError extends Error {
  override readonly name = "FrontError";
  readonly code: FrontErrorCode;
  readonly retryable: boolean;

  constructor(code: FrontErrorCode, problem: string, options?: ErrorOptions) {
    super(problem, options);
    this.code = code;
    this.retryable = code === "FRONT_LISTEN_FAILED";
  }
}
