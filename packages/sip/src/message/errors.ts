/** Why octets could not be read as a SIP element. */
export type SipParseErrorCode =
  | "SIP_TRUNCATED"
  | "SIP_TOO_LARGE"
  | "SIP_BAD_START_LINE"
  | "SIP_BAD_VERSION"
  | "SIP_BAD_HEADER"
  | "SIP_BAD_URI"
  | "SIP_BAD_LENGTH";

/**
 * Octets or text that break the grammar of RFC 3261 §25. `field` names the header field or the part ("Request-Line",
 * "Via", "Request-URI", …); `statusCode` is what a UAS answers where an answer is possible. Never retryable.
 */
export class SipParseError extends Error {
  override readonly name = "SipParseError";
  readonly code: SipParseErrorCode;
  readonly field: string;
  readonly statusCode: number;
  readonly retryable = false;

  constructor(code: SipParseErrorCode, field: string, problem: string, statusCode = 400) {
    super(`${field}: ${problem}`);
    this.code = code;
    this.field = field;
    this.statusCode = statusCode;
  }
}
