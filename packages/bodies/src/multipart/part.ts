import { BodyError } from "../errors.ts";
import { type BodyLimits, DEFAULT_MAX_HEADER_OCTETS, DEFAULT_MAX_HEADERS } from "../limits.ts";
import { concatOctets, encodeUtf8 } from "../text.ts";
import { parseContentDisposition, serializeContentDisposition } from "./content-disposition.ts";
import { checkMimeValue } from "./mime-value.ts";
import { decodeTransfer, encodeTransfer, transferEncodingOf } from "./transfer-encoding.ts";
import type { BodyPart } from "./types.ts";

/** RFC 2046 §5.1: what a part without a Content-Type is. */
const DEFAULT_CONTENT_TYPE = "text/plain; charset=us-ascii";

const CR = 0x0d;
const LF = 0x0a;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** RFC 5322 §2.2: a tab is white space, the others have no place in a header field. */
const CONTROL = /[\p{Cc}--[\t\x80-\x9f]]/v;
const NAME = /^[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]+$/;

interface HeaderField {
  readonly name: string;
  value: string;
  readonly offset: number;
}

/** Header fields by name in lower case; those without a member of their own in {@link BodyPart} also in order. */
interface HeaderFields {
  readonly own: ReadonlyMap<string, readonly HeaderField[]>;
  readonly others: readonly HeaderField[];
  readonly bodyStart: number;
}

/** The fields of which {@link BodyPart} has members; Content-Length says nothing where delimiters do. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  "content-type",
  "content-id",
  "content-disposition",
  "content-encoding",
  "content-transfer-encoding",
  "content-length",
]);

/**
 * Reads the MIME entity at `octets[start, end)`: header fields, an empty line, content. RFC 2045 §3; line ends may be bare line
 * feeds. A multipart inside is not looked into.
 *
 * @param needsContent the empty line must be there, even before no content; otherwise it may be missing.
 * @throws {BodyError} with offsets from the start of `octets`, plus `base`.
 */
export function decodePart(
  octets: Uint8Array,
  start: number,
  end: number,
  base: number,
  field: string,
  limits: BodyLimits,
  needsContent = false,
): BodyPart {
  const { own, others, bodyStart } = readHeader(octets, start, end, base, field, limits, needsContent);
  const single = (name: string): HeaderField | undefined => {
    const found = own.get(name);
    if (found !== undefined && found.length > 1) {
      throw bad(`${field}.${found[1]?.name}`, "stands twice", found[1]?.offset);
    }
    return found?.[0];
  };
  const contentType = single("content-type");
  if (contentType !== undefined) checkMimeValue(contentType.value, `${field}.Content-Type`, contentType.offset);
  const encodingField = single("content-transfer-encoding");
  const transferEncoding = encodingField === undefined ? "7bit" : transferEncodingOf(encodingField.value);
  if (transferEncoding === undefined) {
    const problem = `${JSON.stringify(encodingField?.value.slice(0, 40))} is no transfer encoding`;
    throw bad(`${field}.Content-Transfer-Encoding`, problem, encodingField?.offset);
  }
  const id = single("content-id")?.value;
  const disposition = single("content-disposition");
  const coding = single("content-encoding")?.value;
  return {
    contentType: contentType?.value ?? DEFAULT_CONTENT_TYPE,
    ...(id !== undefined && { contentId: id.replace(/^<(.*)>$/, "$1") }),
    ...(disposition !== undefined && {
      contentDisposition: parseContentDisposition(disposition.value, disposition.offset),
    }),
    ...(coding !== undefined && { contentEncoding: coding }),
    ...(encodingField !== undefined && { transferEncoding }),
    headers: others.map(({ name, value }) => [name, value] as const),
    body: decodeTransfer(octets.subarray(bodyStart, end), transferEncoding, `${field}.body`, base + bodyStart),
  };
}

function readHeader(
  octets: Uint8Array,
  start: number,
  end: number,
  base: number,
  field: string,
  limits: BodyLimits,
  needsContent: boolean,
): HeaderFields {
  const { maxHeaders = DEFAULT_MAX_HEADERS, maxHeaderOctets = DEFAULT_MAX_HEADER_OCTETS } = limits;
  const own = new Map<string, HeaderField[]>();
  const others: HeaderField[] = [];
  let count = 0;
  let last: HeaderField | undefined;
  for (let at = start; at < end; ) {
    const lineFeed = octets.indexOf(LF, at);
    if (needsContent && lineFeed < 0) break;
    const next = lineFeed < 0 || lineFeed >= end ? end : lineFeed + 1;
    if (next - start > maxHeaderOctets)
      throw tooLarge(field, `header fields over ${maxHeaderOctets} octets`, base + at);
    const lineEnd = withoutLineEnd(octets, at, next);
    if (lineEnd === at) return { own, others, bodyStart: next };
    const line = decoder.decode(octets.subarray(at, lineEnd));
    if (CONTROL.test(line)) throw bad(field, "a header field with a control character", base + at);
    if (last !== undefined && /^[ \t]/.test(line)) last.value = `${last.value} ${line.trim()}`.trim();
    else {
      const colon = line.indexOf(":");
      const name = line.slice(0, Math.max(colon, 0)).trimEnd();
      if (!NAME.test(name)) throw bad(field, `${JSON.stringify(line.slice(0, 60))} is no header field`, base + at);
      if (++count > maxHeaders) throw tooLarge(field, `more than ${maxHeaders} header fields`, base + at);
      last = { name, value: line.slice(colon + 1).trim(), offset: base + at };
      const key = name.toLowerCase();
      const same = own.get(key);
      if (!OWN_FIELDS.has(key)) others.push(last);
      else if (same === undefined) own.set(key, [last]);
      else same.push(last);
    }
    at = next;
  }
  if (needsContent) throw new BodyError("BODY_TRUNCATED", field, "no empty line", { offset: base + end });
  // RFC 2046 §5.1.1 body-part: the empty line may be missing when there is no content.
  return { own, others, bodyStart: end };
}

function withoutLineEnd(octets: Uint8Array, start: number, next: number): number {
  let end = next;
  if (end > start && octets[end - 1] === LF) end--;
  if (end > start && octets[end - 1] === CR) end--;
  return end;
}

/** The header fields, empty line and content of a part. @throws {BodyError} BODY_BAD_VALUE. */
export function encodePart(part: BodyPart, field: string): Uint8Array {
  const { contentType, contentId, contentDisposition, contentEncoding, transferEncoding, headers = [], body } = part;
  const lines: Array<readonly [string, string]> = [["Content-Type", contentType]];
  if (contentId !== undefined) lines.push(["Content-ID", `<${contentId}>`]);
  if (contentDisposition !== undefined) {
    lines.push(["Content-Disposition", serializeContentDisposition(contentDisposition)]);
  }
  if (contentEncoding !== undefined) lines.push(["Content-Encoding", contentEncoding]);
  if (transferEncoding !== undefined) lines.push(["Content-Transfer-Encoding", transferEncoding]);
  for (const [name, value] of headers) {
    if (OWN_FIELDS.has(name.toLowerCase())) {
      throw new BodyError(
        "BODY_BAD_VALUE",
        `${field}.${name}`,
        "has a member of its own and cannot be among the others",
      );
    }
    lines.push([name, value]);
  }
  for (const [name, value] of lines) checkLine(name, value, field);
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const content = encodeTransfer(body, transferEncoding ?? "binary", `${field}.body`);
  return concatOctets([encodeUtf8(`${head}\r\n`, field), content]);
}

function checkLine(name: string, value: string, field: string): void {
  if (NAME.test(name) && !CONTROL.test(value)) return;
  throw new BodyError("BODY_BAD_VALUE", `${field}.${name.slice(0, 40)}`, "is no header field");
}

function bad(field: string, problem: string, offset?: number): BodyError {
  return new BodyError("BODY_BAD_MIME", field, problem, { offset });
}

function tooLarge(field: string, problem: string, offset: number): BodyError {
  return new BodyError("BODY_TOO_LARGE", field, problem, { offset });
}
