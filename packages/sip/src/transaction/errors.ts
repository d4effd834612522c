export type SipTransactionErrorCode = "SIP_TIMEOUT" | "SIP_TRANSPORT" | "SIP_CLOSED" | "SIP_ABORTED";

/** A client transaction that ended without a final response. RFC 3261 §8.1.3.1, §17.1.4. */
export class SipTransactionError extends Error {
  override readonly name = "SipTransactionError";
  readonly code: SipTransactionErrorCode;
  /** True when another target or a later try may do better. */
  readonly retryable: boolean;

  constructor(code: SipTransactionErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "SIP_TIMEOUT" || code === "SIP_TRANSPORT";
  }
}
