export type SipLocateErrorCode =
  /** A name server did not answer, or said that it could not. */
  | "SIP_DNS_FAILED"
  /** The host does not exist, has no address, or says in DNS that it offers no SIP. */
  | "SIP_HOST_NOT_FOUND"
  /** The URI asks for a transport that is not open here, or for a secure one where none is. */
  | "SIP_TRANSPORT_UNSUPPORTED"
  | "SIP_ABORTED";

/** No target could be found for a URI. */
export class SipLocateError extends Error {
  override readonly name = "SipLocateError";
  readonly code: SipLocateErrorCode;
  /** Whether the same URI may be found later. */
  readonly retryable: boolean;

  constructor(code: SipLocateErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.retryable = code === "SIP_DNS_FAILED";
  }
}
