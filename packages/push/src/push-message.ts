import { BodyError, type DispositionRequest, parseContentDisposition } from "@sip-push/bodies";
import { serializeSipDate, TOKEN } from "@sip-push/sip";
import { mediaTypeOf, type Representation } from "./accept.ts";
import { normalizeApplicationId } from "./application-ids.ts";
import { checkContentHeaders, checkContentId } from "./content-headers.ts";
import { PushInputError } from "./errors.ts";

/** Priority of a push. RFC 3261 §20.26. */
export const pushPriorities = ["emergency", "urgent", "normal", "non-urgent"] as const;
export type PushPriority = (typeof pushPriorities)[number];

/** Which delivery report tells the status: none, so that the final response does, or that of the receiver (RFC 5438). */
export const pushReports = ["none", "receiver"] as const;
export type PushReport = (typeof pushReports)[number];

/** What a push can ask to be told of; that a user has seen it is none of it. RFC 5438 §6.2. */
export type ReportDisposition = Exclude<DispositionRequest, "display">;
export const reportDispositions: readonly ReportDisposition[] = [
  "positive-delivery",
  "negative-delivery",
  "processing",
];

/** A push: content for one application of a handset. */
export interface PushMessage extends Representation {
  /** In any spelling; null for content without an application, such as a text for the user. */
  readonly applicationId: string | null;
  /** The push is worth nothing afterwards. Excludes `expiresSeconds`. */
  readonly deliverBefore?: Date;
  /** The same, counted from the moment it is given to the sender. 1 to 2^31-1. */
  readonly expiresSeconds?: number;
  readonly priority?: PushPriority;
  /** Default `none`. */
  readonly report?: PushReport;
  /** What to report, with `report: "receiver"`. Default positive-delivery and negative-delivery. */
  readonly reportDispositions?: readonly ReportDisposition[];
  /** More header fields for the request. Those that this binding or the stack writes are refused. */
  readonly headers?: ReadonlyArray<readonly [name: string, value: string]>;
}

/** Upper bounds on a push. */
export interface PushLimits {
  /** Octets of the body, and of each alternative. Default 1 MiB. */
  readonly maxBodyBytes?: number;
}

/** Default of {@link PushLimits.maxBodyBytes}. */
export const DEFAULT_MAX_BODY_BYTES = 1_048_576;

/** Longest Expires that we send: RFC 3261 §20.19 allows up to 2^32-1, some peers read it signed. */
const MAX_EXPIRES_SECONDS = 0x7fff_ffff;

/** Written by the binding or the stack, in MESSAGE or NOTIFY, or not for MESSAGE (RFC 3428 §4, §9 tables 1 and 2). */
const RESERVED_HEADERS: ReadonlySet<string> = new Set(
  [
    "Accept v From f To t Call-ID i CSeq Max-Forwards Content-Type c Content-Length l Content-Encoding e Content-Language Content-Disposition",
    "Accept-Contact a Request-Disposition d Expires Date Priority P-Asserted-Identity P-Preferred-Identity User-Agent",
    "Via Route Record-Route Contact m Authorization Proxy-Authorization Accept-Encoding Accept-Language",
    "Event o Subscription-State",
  ]
    .join(" ")
    .toLowerCase()
    .split(" "),
);

/**
 * Checks a push before anything is sent.
 *
 * @throws {PushInputError} naming the field.
 */
export function checkPush(push: PushMessage, limits: PushLimits = {}): void {
  if (push.applicationId !== null) normalizeApplicationId(push.applicationId);
  checkRepresentation(push, "", limits);
  checkExpiry(push);
  if (push.priority !== undefined && !pushPriorities.includes(push.priority)) {
    throw new PushInputError("PUSH_BAD_HEADER", "priority", `must be one of ${pushPriorities.join(", ")}`);
  }
  checkReport(push);
  for (const [name, value] of push.headers ?? []) checkHeader(name, value);
}

/**
 * Checks content type, header fields and size.
 *
 * @param path prefix of the field named, such as `alternatives[1].`.
 * @throws {PushInputError} naming the field.
 */
export function checkRepresentation(representation: Representation, path: string, limits: PushLimits = {}): void {
  const { contentType, body, contentEncoding, contentLanguage, contentDisposition } = representation;
  const { contentId, contentHeaders } = representation;
  if (mediaTypeOf(contentType) === undefined || /[\r\n\0]/.test(contentType)) {
    const problem = `${JSON.stringify(contentType)} is no media type; write type/subtype`;
    throw new PushInputError("PUSH_BAD_CONTENT_TYPE", `${path}contentType`, problem);
  }
  checkTokens(contentEncoding, `${path}contentEncoding`);
  checkTokens(contentLanguage, `${path}contentLanguage`);
  checkDisposition(contentDisposition, `${path}contentDisposition`);
  checkContentId(contentId, `${path}contentId`);
  checkContentHeaders(contentHeaders, `${path}contentHeaders`);
  if (!(body instanceof Uint8Array)) {
    throw new PushInputError("PUSH_BAD_BODY", `${path}body`, "must be octets (Uint8Array)");
  }
  const maxBodyBytes = limits.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES;
  if (body.length > maxBodyBytes) {
    const problem = `has ${body.length} octets, the limit is ${maxBodyBytes}`;
    throw new PushInputError("PUSH_BODY_TOO_LARGE", `${path}body`, problem);
  }
}

function checkDisposition(value: string | undefined, field: string): void {
  if (value === undefined) return;
  const fail = (problem: string, cause?: unknown): never => {
    throw new PushInputError("PUSH_BAD_HEADER", field, problem, { cause });
  };
  if (/[\r\n\0]/.test(value)) fail("holds a line break or NUL");
  try {
    parseContentDisposition(value);
  } catch (error) {
    if (error instanceof BodyError) fail(`${JSON.stringify(value)} is no disposition`, error);
    throw error;
  }
}

function checkReport({ report, reportDispositions: asked }: PushMessage): void {
  if (report !== undefined && !pushReports.includes(report)) {
    throw new PushInputError("PUSH_BAD_REPORT", "report", `must be one of ${pushReports.join(", ")}`);
  }
  if (asked === undefined) return;
  if (asked.length === 0 || !asked.every((each) => reportDispositions.includes(each))) {
    const problem = `must be one or more of ${reportDispositions.join(", ")}`;
    throw new PushInputError("PUSH_BAD_REPORT", "reportDispositions", problem);
  }
}

function checkTokens(value: string | undefined, field: string): void {
  if (value === undefined || value.split(/[ \t]*,[ \t]*/).every((token) => TOKEN.test(token))) return;
  throw new PushInputError("PUSH_BAD_HEADER", field, `${JSON.stringify(value)} is no list of tokens`);
}

function checkExpiry({ deliverBefore, expiresSeconds }: PushMessage): void {
  const isDate = deliverBefore instanceof Date && !Number.isNaN(deliverBefore.getTime());
  if (deliverBefore !== undefined && !isDate) {
    throw new PushInputError("PUSH_BAD_EXPIRY", "deliverBefore", "is no date");
  }
  if (expiresSeconds === undefined) return;
  if (deliverBefore !== undefined) {
    throw new PushInputError("PUSH_BAD_EXPIRY", "expiresSeconds", "give this or deliverBefore, not both");
  }
  if (!Number.isInteger(expiresSeconds) || expiresSeconds < 1 || expiresSeconds > MAX_EXPIRES_SECONDS) {
    throw new PushInputError(
      "PUSH_BAD_EXPIRY",
      "expiresSeconds",
      `must be an integer from 1 to ${MAX_EXPIRES_SECONDS}`,
    );
  }
}

function checkHeader(name: string, value: string): void {
  const field = `headers[${JSON.stringify(name)}]`;
  if (!TOKEN.test(name)) throw new PushInputError("PUSH_BAD_HEADER", field, "is no header name");
  if (RESERVED_HEADERS.has(name.toLowerCase())) {
    throw new PushInputError("PUSH_BAD_HEADER", field, "is written by the push binding and cannot be given");
  }
  if (/[\r\n\0]/.test(value)) throw new PushInputError("PUSH_BAD_HEADER", field, "holds a line break or NUL");
}

/** When a push given to the sender at `now` is worth nothing any more, or undefined when it always is. */
export function deadlineOf({ deliverBefore, expiresSeconds }: PushMessage, now: Date): Date | undefined {
  return expiresSeconds === undefined ? deliverBefore : new Date(now.getTime() + expiresSeconds * 1000);
}

/** The Date and Expires of a request sent at `now` (RFC 3428 §4): `date` in whole seconds, to which `expires` is added. */
export interface Validity {
  readonly date: string;
  readonly expiresSeconds: number;
}

/** The validity up to `deadline` and never beyond it; undefined when not even a second is left. */
export function validityUntil(deadline: Date, now: Date): Validity | undefined {
  const dateMs = Math.floor(now.getTime() / 1000) * 1000;
  const expiresSeconds = Math.min(Math.floor((deadline.getTime() - dateMs) / 1000), MAX_EXPIRES_SECONDS);
  if (expiresSeconds < 1 || deadline.getTime() <= now.getTime()) return undefined;
  return { date: serializeSipDate(new Date(dateMs)), expiresSeconds };
}
