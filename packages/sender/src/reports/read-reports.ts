import {
  allParts,
  BodyError,
  type BodyPart,
  CPIM_TYPE,
  decodeCpim,
  decodeImdn,
  decodeMultipart,
  IMDN_TYPE,
  type Imdn,
  isMultipart,
} from "@sip-push/bodies";
import { mediaTypeOf } from "@sip-push/push";
import { acceptedCodings, encodeText, type ResponseInit, type SipRequest, undoContentCodings } from "@sip-push/sip";

/** Media types taken; for Accept. RFC 5438 §12.1.1 wants the first, and some peers leave the envelope away. */
export const reportMediaTypes: readonly string[] = [CPIM_TYPE, IMDN_TYPE];

/** Reports in one aggregate (RFC 5438 §8.3). */
const MAX_REPORTS = 64;

/** An answer that refuses a MESSAGE. */
export interface ReportRefusal extends ResponseInit {
  readonly statusCode: number;
}

/** The reports that a MESSAGE carries, or what to answer to it. */
export type ReadReports =
  | { readonly kind: "reports"; readonly imdns: readonly Imdn[] }
  | { readonly kind: "refused"; readonly refusal: ReportRefusal };

/**
 * Reads the reports in a MESSAGE: one in message/cpim (RFC 5438 §7.2.1, §12.1.1), several aggregated there in
 * multipart/mixed (§8.3), or one bare.
 *
 * @param maxBytes of the body, and of what it unfolds to.
 */
export function readReports({ headers, body, to }: SipRequest, maxBytes: number): ReadReports {
  // Reports belong to no dialog. RFC 3261 §12.2.2.
  if (to.params.has("tag")) return refused(481);
  const contentType = headers.get("Content-Type") ?? "";
  if (!reportMediaTypes.includes(mediaTypeOf(contentType) ?? "")) return refused(415, accept);
  const part: BodyPart = { contentType, body, ...encodingOf(headers.get("Content-Encoding")) };
  try {
    const imdns = imdnsIn(part, maxBytes);
    return imdns.length === 0 ? refused(415, accept) : { kind: "reports", imdns };
  } catch (error) {
    if (error instanceof ContentRefused) return error.answer;
    if (!(error instanceof BodyError)) throw error;
    return error.code === "BODY_TOO_LARGE" ? refused(413) : badRequest(error.message);
  }
}

/** RFC 3261 §21.4.13. */
const accept: ResponseInit["headers"] = [
  ["Accept", reportMediaTypes.join(", ")],
  ["Accept-Encoding", acceptedCodings.join(", ")],
];

/** Carries the answer out of the nesting. */
class ContentRefused extends Error {
  readonly answer: ReadReports;

  constructor(answer: ReadReports) {
    super("content refused");
    this.answer = answer;
  }
}

/** The envelope may be coded, or what is in it. */
function imdnsIn(part: BodyPart, maxBytes: number): Imdn[] {
  const limits = { maxOctets: maxBytes, maxParts: MAX_REPORTS };
  const type = mediaTypeOf(part.contentType);
  if (type === IMDN_TYPE) return [decodeImdn(octetsOf(part, maxBytes), limits)];
  if (type !== CPIM_TYPE) return [];
  const { content } = decodeCpim(octetsOf(part, maxBytes), limits);
  const parts = isMultipart(content.contentType)
    ? allParts(decodeMultipart(octetsOf(content, maxBytes), content.contentType, limits).parts)
    : [content];
  return parts
    .filter(({ contentType }) => mediaTypeOf(contentType) === IMDN_TYPE)
    .map((each) => decodeImdn(octetsOf(each, maxBytes), limits));
}

function octetsOf({ body, contentEncoding }: BodyPart, maxBytes: number): Uint8Array {
  const decoded = undoContentCodings(body, contentEncoding ?? "", maxBytes);
  switch (decoded.kind) {
    case "decoded":
      return decoded.octets;
    case "unsupported":
      throw new ContentRefused(refused(415, accept));
    case "tooLarge":
      throw new ContentRefused(refused(413));
    case "malformed":
      throw new ContentRefused(badRequest("Content-Encoding: the body is not what it says"));
    default:
      return decoded satisfies never;
  }
}

function encodingOf(contentEncoding: string | undefined): Pick<BodyPart, "contentEncoding"> {
  return contentEncoding === undefined ? {} : { contentEncoding };
}

function refused(statusCode: number, headers: ResponseInit["headers"] = []): ReadReports {
  return { kind: "refused", refusal: { statusCode, headers } };
}

function badRequest(problem: string): ReadReports {
  const reason = encodeText(`Bad Request (${problem.slice(0, 120)})`);
  return { kind: "refused", refusal: { statusCode: 400, reason } };
}
