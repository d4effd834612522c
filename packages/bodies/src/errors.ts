/**
 * Why octets are not the body they should be, or a model cannot become one. Closed set.
 *
 * - `BODY_TRUNCATED`: the octets end inside `field`.
 * - `BODY_TOO_LARGE`: over a limit on octets, depth, elements, parts or header fields.
 * - `BODY_BAD_CHARSET`: text that is not in the charset it claims, or a charset that is not taken.
 * - `BODY_BAD_XML`: not well-formed, or outside what is taken (an entity that is not predefined).
 * - `BODY_BAD_MIME`: a multipart, MIME header field or transfer encoding that cannot be read.
 * - `BODY_BAD_DOCUMENT`: well-formed, and not the document it should be.
 * - `BODY_BAD_VALUE`: encoding: a value of the model has no form on the wire.
 */
export type BodyErrorCode =
  | "BODY_TRUNCATED"
  | "BODY_TOO_LARGE"
  | "BODY_BAD_CHARSET"
  | "BODY_BAD_XML"
  | "BODY_BAD_MIME"
  | "BODY_BAD_DOCUMENT"
  | "BODY_BAD_VALUE";

/** Details of a {@link BodyError}. */
export interface BodyErrorDetails {
  /** Octets from the start of the body; left out when there is no input of octets. */
  readonly offset?: number | undefined;
  readonly cause?: unknown;
}

/** The one error of this package. `message` reads `<field>: <problem> (octet <offset>)`. */
export class BodyError extends Error {
  override readonly name = "BodyError";
  readonly code: BodyErrorCode;
  /** Path of the part or element, such as `presence/tuple` or `parts[1].Content-Type`. */
  readonly field: string;
  /** Octets from the start of the body, or null when there is no input of octets. */
  readonly offset: number | null;
  /** The same input fails again. */
  readonly retryable = false;

  constructor(code: BodyErrorCode, field: string, problem: string, details: BodyErrorDetails = {}) {
    const place = details.offset === undefined ? "" : ` (octet ${details.offset})`;
    const text = `${field}: ${problem.replace(/\p{Cc}+/gu, " ")}${place}`;
    super(text, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.field = field;
    this.offset = details.offset ?? null;
  }
}
