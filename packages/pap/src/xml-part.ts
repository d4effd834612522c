import { type BodyPart, parseMimeValue } from "@sip-push/bodies";
import { fromBodies, PapError, type PapErrorDetails } from "./errors.ts";

export const XML_TYPE = "application/xml";
/** RFC 7303 §9.2: the second is an alias of the first. */
export const xmlTypes: readonly string[] = [XML_TYPE, "text/xml"];
/** Those of which every XML document tells by itself. */
const charsets: readonly string[] = ["utf-8", "us-ascii", "utf-16"];
/** Codings that do nothing; BlackBerry's clients write the second, which is none. */
const idleCodings: readonly string[] = ["identity", "binary"];

/**
 * Checks that a part can be read as XML: no coding, and the type.
 *
 * @param what names it: `the control entity`.
 * @param detailsOf of an error.
 * @throws {PapError} PAP_BAD_MIME, PAP_BAD_CHARSET.
 */
export function checkXmlPart(
  { contentType, contentEncoding }: Pick<BodyPart, "contentType" | "contentEncoding">,
  what: string,
  detailsOf: () => PapErrorDetails,
): void {
  const coding = contentEncoding?.toLowerCase();
  if (coding !== undefined && !idleCodings.includes(coding)) {
    throw new PapError("PAP_BAD_MIME", `${what} is encoded: ${JSON.stringify(coding.slice(0, 40))}`, detailsOf());
  }
  if (contentType === XML_TYPE) return;
  const { value, params } = fromBodies(() => parseMimeValue(contentType, "Content-Type"), detailsOf);
  if (!xmlTypes.includes(value)) {
    const problem = `${what} is ${JSON.stringify(value.slice(0, 80))}, not ${XML_TYPE}`;
    throw new PapError("PAP_BAD_MIME", problem, detailsOf());
  }
  const charset = params.get("charset")?.toLowerCase();
  if (charset !== undefined && !charsets.includes(charset)) {
    const problem = `charset ${JSON.stringify(charset.slice(0, 40))} is not taken`;
    throw new PapError("PAP_BAD_CHARSET", problem, detailsOf());
  }
}
