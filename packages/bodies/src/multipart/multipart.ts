import { BodyError } from "../errors.ts";
import { type BodyLimits, checkOctets, DEFAULT_MAX_MULTIPART_DEPTH, DEFAULT_MAX_PARTS } from "../limits.ts";
import { asciiOctets, concatOctets, encodeUtf8 } from "../text.ts";
import { findDelimiter, freshBoundary } from "./boundary.ts";
import { parseMimeValue, serializeMimeValue } from "./mime-value.ts";
import { decodePart, encodePart } from "./part.ts";
import type { BodyPart, EncodedBody, Multipart } from "./types.ts";

/** RFC 2046 §5.1.1 bchars, not ending with a blank, at most 70. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;
const MULTIPART = /^multipart\/(.+)$/;

interface Budget {
  parts: number;
  readonly limits: BodyLimits;
}

/** Whether a Content-Type is that of a multipart. */
export function isMultipart(contentType: string): boolean {
  return /^[ \t]*multipart[ \t]*\//i.test(contentType);
}

/**
 * Reads a multipart body, and the multiparts inside it. RFC 2046 §5.1. Parts are views into `octets` unless a transfer encoding
 * is undone. Tolerates bare line feeds around delimiters and in part headers, blanks behind a delimiter, preamble, epilogue.
 *
 * @param contentType the Content-Type of the body, with its boundary.
 * @throws {BodyError} `BODY_TRUNCATED` without a closing delimiter; `BODY_TOO_LARGE`; `BODY_BAD_MIME`.
 */
export function decodeMultipart(octets: Uint8Array, contentType: string, limits: BodyLimits = {}): Multipart {
  checkOctets(octets, "multipart", limits);
  const budget: Budget = { parts: limits.maxParts ?? DEFAULT_MAX_PARTS, limits };
  return decodeLevel(octets, contentType, 0, limits.maxDepth ?? DEFAULT_MAX_MULTIPART_DEPTH, "multipart", budget);
}

function decodeLevel(
  octets: Uint8Array,
  contentType: string,
  base: number,
  depth: number,
  path: string,
  budget: Budget,
): Multipart {
  const { value, params } = parseMimeValue(contentType, `${path}.Content-Type`, base);
  const subtype = MULTIPART.exec(value)?.[1];
  const boundary = params.get("boundary") ?? "";
  if (subtype === undefined || !BOUNDARY.test(boundary)) {
    const problem = `${JSON.stringify(contentType.slice(0, 80))} is no multipart with a boundary`;
    throw new BodyError("BODY_BAD_MIME", `${path}.Content-Type`, problem, { offset: base });
  }
  if (depth <= 0) throw new BodyError("BODY_TOO_LARGE", path, "multiparts are nested too deep", { offset: base });
  const others = new Map(params);
  others.delete("boundary");
  return { subtype, params: others, parts: decodeParts(octets, boundary, base, depth, path, budget) };
}

function decodeParts(
  octets: Uint8Array,
  boundary: string,
  base: number,
  depth: number,
  path: string,
  budget: Budget,
): BodyPart[] {
  const dashBoundary = asciiOctets(`--${boundary}`);
  const parts: BodyPart[] = [];
  let delimiter = findDelimiter(octets, dashBoundary, 0);
  while (delimiter !== undefined && !delimiter.isClose) {
    const start = delimiter.next;
    delimiter = findDelimiter(octets, dashBoundary, start);
    if (delimiter === undefined) break;
    const field = `${path}.parts[${parts.length}]`;
    if (--budget.parts < 0) throw new BodyError("BODY_TOO_LARGE", field, "too many parts", { offset: base + start });
    const part = decodePart(octets, start, delimiter.contentEnd, base, field, budget.limits);
    if (!isMultipart(part.contentType)) parts.push(part);
    else
      parts.push({
        ...part,
        multipart: decodeLevel(part.body, part.contentType, base + start, depth - 1, field, budget),
      });
  }
  if (delimiter === undefined) {
    throw new BodyError("BODY_TRUNCATED", path, "ends without a closing delimiter", { offset: base + octets.length });
  }
  if (parts.length === 0) throw new BodyError("BODY_BAD_MIME", path, "has no part", { offset: base });
  return parts;
}

/**
 * Writes a multipart with a boundary that occurs in none of its parts. A `related` gets the `type` that RFC 2387 §3.1 demands
 * from its root part when it has none.
 *
 * @throws {BodyError} `BODY_BAD_VALUE`: no parts, or a part that has no form.
 */
export function encodeMultipart(multipart: Multipart): EncodedBody {
  return encodeLevel(multipart, "multipart");
}

function encodeLevel(multipart: Multipart, path: string): EncodedBody {
  const { subtype, parts } = multipart;
  if (parts.length === 0) throw new BodyError("BODY_BAD_VALUE", path, "has no parts");
  if (!/^[!#$&\-^_.+0-9A-Za-z]+$/.test(subtype))
    throw new BodyError("BODY_BAD_VALUE", `${path}.subtype`, "is no token");
  const encoded = parts.map((part, index) => {
    const field = `${path}.parts[${index}]`;
    const inner = part.multipart === undefined ? undefined : encodeLevel(part.multipart, field);
    return encodePart(inner === undefined ? part : { ...part, transferEncoding: "binary", ...inner }, field);
  });
  const boundary = freshBoundary(encoded);
  const params = new Map(multipart.params);
  if (subtype === "related" && !params.has("type"))
    params.set("type", parseMimeValue(rootPart(multipart).contentType, path).value);
  params.set("boundary", boundary);
  const line = (text: string): Uint8Array => encodeUtf8(text, path);
  const chunks = encoded.flatMap((octets, index) => [line(`${index === 0 ? "" : "\r\n"}--${boundary}\r\n`), octets]);
  return {
    contentType: serializeMimeValue(`multipart/${subtype}`, params, `${path}.Content-Type`),
    body: concatOctets([...chunks, line(`\r\n--${boundary}--\r\n`)]),
  };
}

/**
 * The part that the others go with: of `related` the one that `start` names (RFC 2387 §3.2), of `alternative` the last, which is
 * the richest (RFC 2046 §5.1.4), otherwise the first.
 */
export function rootPart({ subtype, params, parts }: Multipart): BodyPart {
  const start = params.get("start")?.replace(/^<(.*)>$/, "$1");
  const named =
    subtype === "related" && start !== undefined ? parts.find(({ contentId }) => contentId === start) : undefined;
  return named ?? ((subtype === "alternative" ? parts.at(-1) : parts[0]) as BodyPart);
}

/** The part with that Content-ID (without `<` and `>`), at any depth; undefined when there is none. */
export function partById({ parts }: Multipart, contentId: string): BodyPart | undefined {
  return allParts(parts).find((part) => part.contentId === contentId);
}

/** All parts in order, those of multiparts inside in place of these. */
export function allParts(parts: readonly BodyPart[]): BodyPart[] {
  return parts.flatMap((part) => (part.multipart === undefined ? [part] : allParts(part.multipart.parts)));
}
