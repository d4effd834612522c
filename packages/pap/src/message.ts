import {
  type BodyPart,
  decodeMultipart,
  type EncodedBody,
  encodeMultipart,
  isMultipart,
  type Multipart,
  parseMimeValue,
} from "@sip-push/bodies";
import { decodePapDocument, encodePapDocument } from "./document.ts";
import { fromBodies, PapError, type PapErrorCode, type PapErrorDetails } from "./errors.ts";
import { fragmentAround } from "./fragment.ts";
import { DEFAULT_MAX_MESSAGE_OCTETS, type PapDecodeOptions } from "./options.ts";
import type { PapDocument, PapMessage, PapOperation } from "./types.ts";
import { sniffDoctype } from "./versions.ts";

const XML_TYPE = "application/xml";
/** RFC 7303 §9.2: the second is an alias of the first. */
const xmlTypes: readonly string[] = [XML_TYPE, "text/xml"];
/** Those of which every XML document tells by itself. */
const charsets: readonly string[] = ["utf-8", "us-ascii", "utf-16"];
/** Codings that do nothing; BlackBerry's clients write the second, which is none. */
const idleCodings: readonly string[] = ["identity", "binary"];

/** Content that is a multipart itself is looked into that deep, to see that it is whole. */
const MAX_MULTIPART_DEPTH = 4;

type Companion = { readonly member: "content" | "capabilities"; readonly isRequired: boolean };

/** What travels beside the control entity, in order. PAP §8; an operation without a row travels alone. */
const companions: { readonly [K in PapOperation["kind"]]?: readonly Companion[] } = {
  "push-message": [
    { member: "content", isRequired: true },
    { member: "capabilities", isRequired: false },
  ],
  "ccq-response": [{ member: "capabilities", isRequired: false }],
};

/**
 * Reads an HTTP entity of PAP: a control entity alone, or `multipart/related` (RFC 2387) with content and capabilities, whose
 * octets come as they are. Memory is bounded by the limits; parts are views into `octets`.
 *
 * @param contentType of the HTTP request or response.
 * @throws {PapError} and nothing else; `badMessageReply` makes the answer of it.
 */
export function decodePap(contentType: string, octets: Uint8Array, options: PapDecodeOptions = {}): PapMessage {
  const maxOctets = options.limits?.maxMessageOctets ?? DEFAULT_MAX_MESSAGE_OCTETS;
  if (octets.length > maxOctets) {
    throw mimeError("PAP_TOO_LARGE", `${octets.length} octets, the limit is ${maxOctets}`, octets, maxOctets);
  }
  if (!isMultipart(contentType)) {
    checkXmlType(contentType, octets);
    return withCompanions(decodePapDocument(octets, options), [], octets);
  }
  const multipart = fromBodies(
    () => {
      const { maxHeaderOctets } = options.limits ?? {};
      const limits = { maxOctets, maxDepth: MAX_MULTIPART_DEPTH };
      return decodeMultipart(
        octets,
        contentType,
        maxHeaderOctets === undefined ? limits : { ...limits, maxHeaderOctets },
      );
    },
    ({ offset }) => mimeDetails(octets, offset ?? 0),
  );
  const control = controlOf(multipart, octets);
  checkXmlType(control.contentType, octets);
  const others = multipart.parts.filter((part) => part !== control);
  return withCompanions(decodePapDocument(control.body, options), others, octets);
}

/** The part that `start` names, otherwise the first. RFC 2387 §3.2. */
function controlOf({ subtype, params, parts }: Multipart, octets: Uint8Array): BodyPart {
  if (subtype !== "related")
    throw mimeError("PAP_BAD_MIME", `is multipart/${subtype.slice(0, 40)}, not related`, octets);
  const type = params.get("type");
  if (type !== undefined && !xmlTypes.includes(type.trim().toLowerCase())) {
    throw mimeError("PAP_BAD_MIME", `type is ${JSON.stringify(type.slice(0, 80))}, not ${XML_TYPE}`, octets);
  }
  const start = params.get("start")?.replace(/^<(.*)>$/, "$1");
  const control = start === undefined ? parts[0] : parts.find(({ contentId }) => contentId === start);
  if (control === undefined) throw mimeError("PAP_MISSING_PART", "start names no part", octets);
  const coding = control.contentEncoding?.toLowerCase();
  if (coding !== undefined && !idleCodings.includes(coding)) {
    throw mimeError("PAP_BAD_MIME", `the control entity is encoded: ${JSON.stringify(coding.slice(0, 40))}`, octets);
  }
  return control;
}

function checkXmlType(contentType: string, octets: Uint8Array): void {
  if (contentType === XML_TYPE) return;
  const { value, params } = fromBodies(
    () => parseMimeValue(contentType, "Content-Type"),
    () => mimeDetails(octets, 0),
  );
  if (!xmlTypes.includes(value)) {
    throw mimeError(
      "PAP_BAD_MIME",
      `the control entity is ${JSON.stringify(value.slice(0, 80))}, not ${XML_TYPE}`,
      octets,
    );
  }
  const charset = params.get("charset")?.toLowerCase();
  if (charset !== undefined && !charsets.includes(charset)) {
    throw mimeError("PAP_BAD_CHARSET", `charset ${JSON.stringify(charset.slice(0, 40))} is not taken`, octets);
  }
}

function withCompanions(document: PapDocument, others: readonly BodyPart[], octets: Uint8Array): PapMessage {
  const { operation, version, publicId } = document;
  const rows = companions[operation.kind] ?? [];
  const fail = (code: PapErrorCode, problem: string): never => {
    throw new PapError(code, `${operation.kind} ${problem}`, { ...mimeDetails(octets, 0), version, publicId });
  };
  const missing = rows[others.length];
  if (missing?.isRequired) fail("PAP_MISSING_PART", `without ${missing.member}`);
  if (others.length > rows.length) fail("PAP_EXTRA_PART", `with ${others.length} parts beside it`);
  const parts = others.map((part, index) => [rows[index]?.member, asWritten(part)]);
  return { ...document, ...Object.fromEntries(parts) };
}

/** Without its inner parts: they are the same octets, and encoding them anew would change them. */
function asWritten(part: BodyPart): BodyPart {
  const { multipart: _, ...written } = part;
  return written;
}

/**
 * Writes an HTTP entity of PAP.
 *
 * @throws {PapError} PAP_BAD_VALUE, also when content or capabilities are missing or do not belong to the operation.
 */
export function encodePap(message: PapMessage): EncodedBody {
  const { operation } = message;
  const control = encodePapDocument(message);
  const rows = companions[operation.kind] ?? [];
  const missing = rows.find(({ member, isRequired }) => isRequired && message[member] === undefined);
  const extra = (["content", "capabilities"] as const).find(
    (member) => message[member] !== undefined && !rows.some((row) => row.member === member),
  );
  if (missing !== undefined) throw new PapError("PAP_BAD_VALUE", `${operation.kind} without ${missing.member}`);
  if (extra !== undefined) throw new PapError("PAP_BAD_VALUE", `${operation.kind} has no ${extra}`);
  const parts = rows.flatMap(({ member }) => message[member] ?? []);
  if (parts.length === 0) return { contentType: XML_TYPE, body: control };
  const root: BodyPart = { contentType: XML_TYPE, body: control };
  return fromBodies(
    () => encodeMultipart({ subtype: "related", params: new Map([["type", XML_TYPE]]), parts: [root, ...parts] }),
    () => ({}),
  );
}

/** The X-Wap-Application-Id of a content entity, as written: a URN, a short name or a number; undefined without one. */
export function applicationIdOf(content: BodyPart): string | undefined {
  return content.headers?.find(([name]) => name.toLowerCase() === "x-wap-application-id")?.[1];
}

function mimeError(code: PapErrorCode, problem: string, octets: Uint8Array, offset = 0): PapError {
  return new PapError(code, problem, { ...mimeDetails(octets, offset), offset });
}

function mimeDetails(octets: Uint8Array, offset: number): PapErrorDetails {
  const doctype = sniffDoctype(octets);
  const badMessageFragment = fragmentAround(octets, Math.min(offset, octets.length));
  return { badMessageFragment, version: doctype?.version, publicId: doctype?.publicId };
}
