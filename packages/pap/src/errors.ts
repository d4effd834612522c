import { BodyError, type BodyErrorCode } from "@sip-push/bodies";
import { type PapCode, papCodes } from "./pap-codes.ts";
import type { PapVersion } from "./versions.ts";

/**
 * Why octets are not PAP, or a message cannot become octets. Closed set.
 *
 * - `PAP_TRUNCATED`: the octets end too early. `PAP_TOO_LARGE`: over a limit.
 * - `PAP_BAD_CHARSET`, `PAP_BAD_XML`, `PAP_BAD_MIME`: text, XML or MIME that cannot be read.
 * - `PAP_MISSING_PART`, `PAP_EXTRA_PART`: not the parts that the operation travels with.
 * - `PAP_VERSION`: no DOCTYPE, or not one of a version spoken here.
 * - `PAP_NO_OPERATION`, `PAP_TWO_OPERATIONS`: not exactly one operation.
 * - `PAP_UNKNOWN_ELEMENT`, `PAP_MISSING_ELEMENT`: not in the DTD; demanded by it.
 * - `PAP_MISPLACED_ELEMENT`: in the DTD, but not there, not in that order or not so often. `PAP_MISPLACED_TEXT`: text between tags.
 * - `PAP_UNKNOWN_ATTRIBUTE`, `PAP_MISSING_ATTRIBUTE`, `PAP_BAD_ATTRIBUTE`: not in the DTD; demanded; a value it may not have.
 * - `PAP_BAD_ADDRESS`: `parsePapAddress` cannot read it.
 * - `PAP_BAD_VALUE`: encoding: a value of the model has no form on the wire.
 */
export type PapErrorCode =
  | "PAP_TRUNCATED"
  | "PAP_TOO_LARGE"
  | "PAP_BAD_CHARSET"
  | "PAP_BAD_XML"
  | "PAP_BAD_MIME"
  | "PAP_MISSING_PART"
  | "PAP_EXTRA_PART"
  | "PAP_VERSION"
  | "PAP_NO_OPERATION"
  | "PAP_TWO_OPERATIONS"
  | "PAP_UNKNOWN_ELEMENT"
  | "PAP_MISSING_ELEMENT"
  | "PAP_MISPLACED_ELEMENT"
  | "PAP_MISPLACED_TEXT"
  | "PAP_UNKNOWN_ATTRIBUTE"
  | "PAP_MISSING_ATTRIBUTE"
  | "PAP_BAD_ATTRIBUTE"
  | "PAP_BAD_ADDRESS"
  | "PAP_BAD_VALUE";

/** What a peer is told of each. */
export const papErrorCodes: Readonly<Record<PapErrorCode, PapCode>> = {
  PAP_TRUNCATED: papCodes.badRequest,
  PAP_TOO_LARGE: papCodes.badRequest,
  PAP_BAD_CHARSET: papCodes.badRequest,
  PAP_BAD_XML: papCodes.badRequest,
  PAP_BAD_MIME: papCodes.badRequest,
  PAP_MISSING_PART: papCodes.badRequest,
  PAP_EXTRA_PART: papCodes.badRequest,
  PAP_VERSION: papCodes.versionNotSupported,
  PAP_NO_OPERATION: papCodes.badRequest,
  PAP_TWO_OPERATIONS: papCodes.badRequest,
  PAP_UNKNOWN_ELEMENT: papCodes.badRequest,
  PAP_MISSING_ELEMENT: papCodes.badRequest,
  PAP_MISPLACED_ELEMENT: papCodes.badRequest,
  PAP_MISPLACED_TEXT: papCodes.badRequest,
  PAP_UNKNOWN_ATTRIBUTE: papCodes.badRequest,
  PAP_MISSING_ATTRIBUTE: papCodes.badRequest,
  PAP_BAD_ATTRIBUTE: papCodes.badRequest,
  PAP_BAD_ADDRESS: papCodes.addressError,
  PAP_BAD_VALUE: papCodes.internalServerError,
};

/** Where the error is, and what is known of the document by then. */
export interface PapErrorDetails {
  /** Path of the element, such as `pap/push-message`. */
  readonly element?: string | undefined;
  readonly attribute?: string | undefined;
  readonly offset?: number | undefined;
  readonly badMessageFragment?: string | undefined;
  readonly version?: PapVersion | undefined;
  readonly publicId?: string | undefined;
  readonly cause?: unknown;
}

/** The one error of this package. `message` reads `<element>/@<attribute>: <problem> (octet <offset>)`. */
export class PapError extends Error {
  override readonly name = "PapError";
  readonly code: PapErrorCode;
  /** What the peer is told. */
  readonly papCode: PapCode;
  /** Without the place. */
  readonly problem: string;
  /** Path of the element, such as `pap/push-message`; null when it is not about one. */
  readonly element: string | null;
  readonly attribute: string | null;
  /** Octets from the start of the control or capabilities entity, or of the HTTP entity when it is about MIME; null without octets. */
  readonly offset: number | null;
  /** The octets at fault as text, shortened; null without octets. */
  readonly badMessageFragment: string | null;
  /** Version and DOCTYPE of the document as far as they are known, to be answered in kind. */
  readonly version: PapVersion | null;
  readonly publicId: string | null;
  /** The same input fails again. */
  readonly retryable = false;

  constructor(code: PapErrorCode, problem: string, details: PapErrorDetails = {}) {
    const { element, attribute, offset, cause } = details;
    const clean = problem.replace(/\p{Cc}+/gu, " ");
    const place = `${element ?? "pap"}${attribute === undefined ? "" : `/@${attribute}`}`;
    const text = `${place}: ${clean}${offset === undefined ? "" : ` (octet ${offset})`}`;
    super(text, cause === undefined ? undefined : { cause });
    this.code = code;
    this.papCode = papErrorCodes[code];
    this.problem = clean;
    this.element = element ?? null;
    this.attribute = attribute ?? null;
    this.offset = offset ?? null;
    this.badMessageFragment = details.badMessageFragment ?? null;
    this.version = details.version ?? null;
    this.publicId = details.publicId ?? null;
  }
}

const ofBodyError: Readonly<Record<BodyErrorCode, PapErrorCode>> = {
  BODY_TRUNCATED: "PAP_TRUNCATED",
  BODY_TOO_LARGE: "PAP_TOO_LARGE",
  BODY_BAD_CHARSET: "PAP_BAD_CHARSET",
  BODY_BAD_XML: "PAP_BAD_XML",
  BODY_BAD_MIME: "PAP_BAD_MIME",
  BODY_BAD_DOCUMENT: "PAP_BAD_XML",
  BODY_BAD_VALUE: "PAP_BAD_VALUE",
};

/** What `run` gives; a BodyError becomes a {@link PapError} with the details that `detailsOf` finds for its offset. */
export function fromBodies<T>(run: () => T, detailsOf: (error: BodyError) => PapErrorDetails): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof BodyError)) throw error;
    const problem = error.message.replace(/ \(octet \d+\)$/, "");
    throw new PapError(ofBodyError[error.code], problem, {
      offset: error.offset ?? undefined,
      ...detailsOf(error),
      cause: error,
    });
  }
}
