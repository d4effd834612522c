import {
  allParts,
  BodyError,
  type BodyLimits,
  type BodyPart,
  type ContentDisposition,
  type CpimMessage,
  cpimValue,
  decodeCpim,
  decodeMultipart,
  isMultipart,
  isOptional,
  type Multipart,
  rootPart,
} from "@sip-push/bodies";
import { mediaTypeOf } from "@sip-push/push";
import { acceptedCodings, undoContentCodings } from "@sip-push/sip";
import { type Refused, refuse } from "./answer.ts";
import { type ReportRequest, reportRequestOf } from "./reports/report-request.ts";

/** What a push is, out of the envelope, parts and codings it came in. */
export interface Content {
  /** The parts that may be the push, the preferred first. One, unless the body is a multipart. */
  readonly candidates: readonly BodyPart[];
  /** All parts of a multipart, those of multiparts inside in place of these; empty when it is none. */
  readonly parts: readonly BodyPart[];
  readonly reports: ReportRequest | null;
}

/** Media types that are taken apart; for Accept. RFC 3862, RFC 2046 §5.1.3, RFC 2387. */
export const envelopeTypes: readonly string[] = ["message/cpim", "multipart/mixed", "multipart/related"];

/** Whether a body has to be taken apart before anybody knows what is pushed. */
export function isEnvelope(mediaType: string): boolean {
  return mediaType === "message/cpim" || mediaType.startsWith("multipart/");
}

/** Ways in which content is shown to a user; what else a body may be for is not for us. RFC 3261 §20.11, RFC 2183 §2. */
const KNOWN_DISPOSITIONS: ReadonlySet<string> = new Set(["render", "inline", "attachment", "alert", "icon"]);

/** CPIM header fields that we understand, should a message insist on it (Require, RFC 3862 §4.7). */
const KNOWN_CPIM_FIELDS: ReadonlySet<string> = new Set(
  "From To cc DateTime Subject Message-ID Disposition-Notification Original-To IMDN-Record-Route".split(" "),
);

const MAX_PARTS = 64;

const acceptEncoding = [["Accept-Encoding", acceptedCodings.join(", ")]] as const;

/**
 * Takes a body apart: content codings, message/cpim, multipart.
 *
 * @param body as the header fields of the request describe it.
 * @param maxBodyBytes of every body on the way, decoded.
 */
export function readContent(body: BodyPart, maxBodyBytes: number): Content | Refused {
  const limits: BodyLimits = { maxOctets: maxBodyBytes, maxParts: MAX_PARTS };
  try {
    const outer = withoutCodings(body, maxBodyBytes);
    if ("refusal" in outer || mediaTypeOf(outer.contentType) !== "message/cpim") return contentOf(outer, null, limits);
    const message = decodeCpim(outer.body, limits);
    const unknown = unknownFeature(message);
    if (unknown !== undefined) return refuse(415, `CPIM header field ${unknown} is required and not understood`);
    return contentOf(withoutCodings(message.content, maxBodyBytes), reportRequestOf(message), limits);
  } catch (error) {
    if (error instanceof BodyError) return refuse(error.code === "BODY_TOO_LARGE" ? 413 : 400, error.message);
    throw error;
  }
}

/** The part without its content codings; `contentEncoding` still says which they were. RFC 3261 §8.2.3. */
export function withoutCodings(part: BodyPart, maxBodyBytes: number): BodyPart | Refused {
  const { contentEncoding } = part;
  if (contentEncoding === undefined) return part;
  const undone = undoContentCodings(part.body, contentEncoding, maxBodyBytes);
  switch (undone.kind) {
    case "decoded":
      return undone.octets === part.body ? part : { ...part, body: undone.octets };
    case "unsupported":
      return refuse(415, "content coding not supported", acceptEncoding);
    case "malformed":
      return refuse(400, `body is not ${contentEncoding}`);
    case "tooLarge":
      return refuse(413, `body has more than ${maxBodyBytes} octets without its content coding`);
    default:
      return undone satisfies never;
  }
}

/** What a part is for, when it must be understood and is not. RFC 3261 §20.11: without `handling` it must. */
export function unknownDisposition(disposition: ContentDisposition | undefined): string | undefined {
  if (disposition === undefined || KNOWN_DISPOSITIONS.has(disposition.type)) return undefined;
  return isOptional(disposition) ? undefined : disposition.type;
}

function contentOf(part: BodyPart | Refused, reports: ReportRequest | null, limits: BodyLimits): Content | Refused {
  if ("refusal" in part) return part;
  if (!isMultipart(part.contentType)) return { candidates: [part], parts: [], reports };
  const multipart =
    part.multipart !== undefined && part.contentEncoding === undefined
      ? part.multipart
      : decodeMultipart(part.body, part.contentType, limits);
  return { candidates: candidatesIn(multipart), parts: allParts(multipart.parts), reports };
}

/** By the meaning of the subtype: `related` is its root (RFC 2387 §3.2), of an `alternative` the last is the best. */
function candidatesIn(multipart: Multipart): BodyPart[] {
  const nested = (part: BodyPart): BodyPart[] => (part.multipart === undefined ? [part] : candidatesIn(part.multipart));
  if (multipart.subtype === "related") return nested(rootPart(multipart));
  const parts = multipart.subtype === "alternative" ? multipart.parts.toReversed() : multipart.parts;
  return parts.flatMap(nested);
}

function unknownFeature(message: CpimMessage): string | undefined {
  const required = cpimValue(message, "Require")?.split(",") ?? [];
  const names = required.map((each) => each.trim());
  return names.find((name) => !KNOWN_CPIM_FIELDS.has(name.slice(name.lastIndexOf(".") + 1)));
}
