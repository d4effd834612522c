import { paramValue, parseMediaType, parseTokenWithParams, SipParseError, type SipResponse } from "@sip-push/sip";
import type { ContentHeaders } from "./content-headers.ts";

/** One way of putting the content of a push. */
export interface Representation {
  /** Content-Type with its parameters, as on the wire. */
  readonly contentType: string;
  /** Octets, encoded as `contentEncoding` says. */
  readonly body: Uint8Array;
  /** Content codings in the order they were applied, such as `gzip`. RFC 3261 §20.12. */
  readonly contentEncoding?: string;
  /** Language tags. RFC 3261 §20.13. */
  readonly contentLanguage?: string;
  /** What the content is for, as on the wire: `render`, `attachment;handling=optional`. RFC 3261 §20.11. */
  readonly contentDisposition?: string;
  /** Without `<` and `>`. RFC 8262. */
  readonly contentId?: string;
  /** More that is said of the content: names that `isContentHeader` takes. At most 32, and 4096 characters. */
  readonly contentHeaders?: ContentHeaders;
}

/** What the Accept fields of an answer allow; undefined for a field that is not there. */
interface AcceptFields {
  readonly types: readonly string[] | undefined;
  readonly encodings: readonly string[] | undefined;
  readonly languages: readonly string[] | undefined;
}

/**
 * Whether a 406, 415, 488 or 606 refuses the Content-Type. Its Accept tells (RFC 3261 §21.4.13); a 415 that names nothing
 * it would take refuses the type too, because that is what the code says.
 */
export function isContentTypeRefused(response: SipResponse, contentType: string): boolean {
  const { types, encodings, languages } = acceptFieldsOf(response);
  if (types !== undefined) return !allowsType(types, contentType);
  return response.statusCode === 415 && encodings === undefined && languages === undefined;
}

/**
 * The first of `candidates` that the Accept, Accept-Encoding and Accept-Language of a 415 allow, or undefined. A response
 * that names none of the three allows any other type than the one `refused`.
 */
export function pickRepresentation<T extends Representation>(
  response: SipResponse,
  refused: Representation,
  candidates: readonly T[],
): T | undefined {
  const fields = acceptFieldsOf(response);
  const silent = fields.types === undefined && fields.encodings === undefined && fields.languages === undefined;
  const refusedType = mediaTypeOf(refused.contentType);
  return candidates.find((candidate) =>
    silent ? mediaTypeOf(candidate.contentType) !== refusedType : isAllowed(fields, candidate),
  );
}

/** `type/subtype` in lower case; undefined when `contentType` is no media type. */
export function mediaTypeOf(contentType: string): string | undefined {
  try {
    return parseMediaType(contentType).type;
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}

/** Content codings that change the octets; `identity` says nothing. RFC 3261 §20.12. */
export function contentCodings(contentEncoding: string | undefined): string[] {
  const codings = (contentEncoding ?? "").split(",").map((coding) => coding.trim().toLowerCase());
  return codings.filter((coding) => coding !== "" && coding !== "identity");
}

function isAllowed(fields: AcceptFields, { contentType, contentEncoding, contentLanguage }: Representation): boolean {
  const { types, encodings, languages } = fields;
  if (types !== undefined && !allowsType(types, contentType)) return false;
  const takes = (coding: string): boolean =>
    encodings === undefined || encodings.includes(coding) || encodings.includes("*");
  if (!contentCodings(contentEncoding).every(takes)) return false;
  if (languages === undefined || contentLanguage === undefined) return true;
  const tags = contentLanguage.split(",").map((tag) => tag.trim().toLowerCase());
  // A range matches the tag itself and those that it is a prefix of. RFC 3261 §20.3, RFC 4647 §3.3.1.
  return tags.every((tag) => languages.some((range) => range === "*" || tag === range || tag.startsWith(`${range}-`)));
}

/** Whether a list of media types and ranges (`text/*`) has that of `contentType`. Types in lower case. RFC 3261 §20.1. */
export function allowsType(types: readonly string[], contentType: string): boolean {
  const type = mediaTypeOf(contentType);
  if (type === undefined) return false;
  const anySubtype = `${type.slice(0, type.indexOf("/"))}/*`;
  return types.includes(type) || types.includes(anySubtype) || types.includes("*/*");
}

function acceptFieldsOf({ headers }: SipResponse): AcceptFields {
  const list = (name: string, read: (text: string) => string | undefined): string[] | undefined =>
    headers.has(name) ? headers.list(name).flatMap((text) => read(text) ?? []) : undefined;
  return {
    types: list("Accept", (text) => wanted(text, parseMediaType, ({ type }) => type)),
    encodings: list("Accept-Encoding", readToken),
    languages: list("Accept-Language", readToken),
  };
}

const readToken = (text: string): string | undefined =>
  wanted(text, parseTokenWithParams, ({ value }) => value.toLowerCase());

/** An element of an Accept list, unless it is malformed or ruled out by `q=0`. */
function wanted<T extends { readonly params: ReadonlyMap<string, string | null> }>(
  text: string,
  parse: (text: string, field: string) => T,
  pick: (element: T) => string,
): string | undefined {
  try {
    const element = parse(text, "Accept");
    return Number(paramValue(element.params, "q") ?? 1) === 0 ? undefined : pick(element);
  } catch (error) {
    if (error instanceof SipParseError) return undefined;
    throw error;
  }
}
