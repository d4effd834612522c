import {
  type BodyPart,
  decodeMultipart,
  type EncodedBody,
  encodeMultipart,
  isMultipart,
  type Multipart,
} from "@sip-push/bodies";
import { decodeCapabilities } from "./capabilities.ts";
import { decodePapDocument, encodePapDocument } from "./document.ts";
import { fromBodies, PapError, type PapErrorCode, type PapErrorDetails } from "./errors.ts";
import { fragmentAround } from "./fragment.ts";
import { DEFAULT_MAX_MESSAGE_OCTETS, type PapDecodeOptions } from "./options.ts";
import type { PapDocument, PapMessage, PapOperation } from "./types.ts";
import { sniffDoctype } from "./versions.ts";
import { checkXmlPart, XML_TYPE, xmlTypes } from "./xml-part.ts";

const CONTROL = "the control entity";

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
    checkXmlPart({ contentType }, CONTROL, () => ({ ...mimeDetails(octets, 0), offset: 0 }));
    return withCompanions(decodePapDocument(octets, options), [], octets, options);
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
  const others = multipart.parts.filter((part) => part !== control);
  return withCompanions(decodePapDocument(control.body, options), others, octets, options);
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
  checkXmlPart(control, CONTROL, () => ({ ...mimeDetails(octets, 0), offset: 0 }));
  return control;
}

function withCompanions(
  document: PapDocument,
  others: readonly BodyPart[],
  octets: Uint8Array,
  options: PapDecodeOptions,
): PapMessage {
  const { operation, version, publicId } = document;
  const rows = companions[operation.kind] ?? [];
  const fail = (code: PapErrorCode, problem: string): never => {
    throw new PapError(code, `${operation.kind} ${problem}`, { ...mimeDetails(octets, 0), version, publicId });
  };
  const missing = rows[others.length];
  if (missing?.isRequired) fail("PAP_MISSING_PART", `without ${missing.member}`);
  if (others.length > rows.length) fail("PAP_EXTRA_PART", `with ${others.length} parts beside it`);
  const capabilities = operation.kind === "push-message" ? others[1] : undefined;
  // Those of a ccq-response are for who asked: PAP knows no way to refuse an answer.
  if (capabilities !== undefined) decodeCapabilities(capabilities, options, { version, publicId });
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

/**
 * The X-Wap-Application-Id of a content entity, as written: a URN, a short name or a number. None without one; several are what a
 * sender should not write.
 */
export function applicationIdsOf(content: BodyPart): readonly string[] {
  return headersOf(content, "x-wap-application-id");
}

/** The languages of a content entity in one field, however many it came in (RFC 3282 §2: a list); undefined without one. */
export function contentLanguageOf(content: BodyPart): string | undefined {
  const fields = headersOf(content, "content-language");
  return fields.length === 0 ? undefined : fields.join(", ");
}

/** @param lowerName in lower case. */
function headersOf({ headers = [] }: BodyPart, lowerName: string): string[] {
  return headers.filter(([name]) => name.toLowerCase() === lowerName).map(([, value]) => value);
}

function mimeError(code: PapErrorCode, problem: string, octets: Uint8Array, offset = 0): PapError {
  return new PapError(code, problem, { ...mimeDetails(octets, offset), offset });
}

function mimeDetails(octets: Uint8Array, offset: number): PapErrorDetails {
  const doctype = sniffDoctype(octets);
  const badMessageFragment = fragmentAround(octets, Math.min(offset, octets.length));
  return { badMessageFragment, version: doctype?.version, publicId: doctype?.publicId };
}
