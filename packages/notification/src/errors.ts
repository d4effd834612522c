/**
 * Why octets are not a notification, or a notification cannot become octets. Closed set, stable for scripts.
 *
 * - `NOTIFICATION_TRUNCATED`: the octets end inside `field`, or its length octet promises more than there is.
 * - `NOTIFICATION_TOO_LARGE`: over a limit on octets, nesting or expanded text.
 * - `NOTIFICATION_BAD_VALUE`: a decoded field holds a value that its specification reserves or forbids.
 * - `NOTIFICATION_BAD_UTF8`: text in the octets is not UTF-8.
 * - `NOTIFICATION_BAD_XML`, `NOTIFICATION_BAD_WBXML`: not well-formed, or outside the supported subset.
 * - `NOTIFICATION_BAD_SYNCML`: a well-formed document that is not a SyncML Package #0.
 * - `NOTIFICATION_UNSUPPORTED_VERSION`: a version that this codec does not know.
 * - `NOTIFICATION_UNSUPPORTED_CONTENT_TYPE`: the media type names no notification format.
 * - `NOTIFICATION_OUT_OF_RANGE`: encoding: the field's value does not fit its place in the octets.
 * - `NOTIFICATION_BAD_JSON`: the JSON form is not that of a notification.
 */
export type NotificationErrorCode =
  | "NOTIFICATION_TRUNCATED"
  | "NOTIFICATION_TOO_LARGE"
  | "NOTIFICATION_BAD_VALUE"
  | "NOTIFICATION_BAD_UTF8"
  | "NOTIFICATION_BAD_XML"
  | "NOTIFICATION_BAD_WBXML"
  | "NOTIFICATION_BAD_SYNCML"
  | "NOTIFICATION_UNSUPPORTED_VERSION"
  | "NOTIFICATION_UNSUPPORTED_CONTENT_TYPE"
  | "NOTIFICATION_OUT_OF_RANGE"
  | "NOTIFICATION_BAD_JSON";

/** Where and what: the details of a {@link NotificationError}. */
export interface NotificationErrorDetails {
  /** Path of the field, such as `syncs[2].serverUri`; for documents the open elements, such as `SyncML/SyncBody`. */
  readonly field: string;
  /** Octets from the start of the input; left out when there is no input of octets (encoding, JSON). */
  readonly offset?: number;
  readonly cause?: unknown;
}

/** The one error of this package. `message` reads `<field>: <problem> (octet <offset>)`. */
export class NotificationError extends Error {
  override readonly name = "NotificationError";
  readonly code: NotificationErrorCode;
  /** Path of the field, such as `syncs[2].serverUri`. */
  readonly field: string;
  /** Octets from the start of the input, or `null` when encoding or reading JSON. */
  readonly offset: number | null;
  /** The same input fails again. */
  readonly retryable = false;

  constructor(code: NotificationErrorCode, problem: string, details: NotificationErrorDetails) {
    const place = details.offset === undefined ? "" : ` (octet ${details.offset})`;
    super(`${details.field}: ${problem}${place}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.field = details.field;
    this.offset = details.offset ?? null;
  }
}
