import { PushInputError } from "./errors.ts";

/** Header fields of content, in order; values are Unicode. */
export type ContentHeaders = ReadonlyArray<readonly [name: string, value: string]>;

/**
 * Names that mean the content wherever they stand, and nothing to SIP: those of MIME (RFC 2045 §9: each begins with `Content-`), but
 * for the ones with a member of their own or that tell about the transfer; those of HTTP for what the content is; those of push.
 * Others (Date, Expires, Subject, Link, …) would say something of the request, or to the core.
 */
const CONTENT_HEADER =
  /^(?:content-(?!(?:type|length|encoding|language|disposition|transfer-encoding|id)$)[a-z0-9-]+|last-modified|etag|cache-control|x-wap-(?!application-id$)[a-z0-9-]+|x-oma-[a-z0-9-]+)$/i;

/** RFC 5322 §2.2: a tab is white space, the others have no place in a header field. */
const CONTROL = /[\p{Cc}--[\t\x80-\x9f]]/v;
const MAX_CONTENT_HEADERS = 32;
/** Names and values together: they go with each attempt. */
const MAX_CONTENT_HEADER_CHARACTERS = 4_096;

/** Whether a header field of content goes with a push besides those that have a member of their own in `Representation`. */
export function isContentHeader(name: string): boolean {
  return CONTENT_HEADER.test(name);
}

/** RFC 2045 §7 msg-id, without its brackets. */
const CONTENT_ID = /^[!-;=?-~]{1,255}$/;

/** @throws {PushInputError} PUSH_BAD_HEADER naming the field. */
export function checkContentId(contentId: string | undefined, field: string): void {
  if (contentId !== undefined && !CONTENT_ID.test(contentId)) {
    throw new PushInputError("PUSH_BAD_HEADER", field, "is no id; write it without < and >");
  }
}

/** @throws {PushInputError} PUSH_BAD_HEADER naming the field. */
export function checkContentHeaders(headers: ContentHeaders | undefined, field: string): void {
  if (headers === undefined) return;
  const fail = (problem: string): never => {
    throw new PushInputError("PUSH_BAD_HEADER", field, problem);
  };
  if (headers.length > MAX_CONTENT_HEADERS) fail(`are ${headers.length}, the limit is ${MAX_CONTENT_HEADERS}`);
  let characters = 0;
  for (const [name, value] of headers) {
    if (!isContentHeader(name)) fail(`${JSON.stringify(name.slice(0, 40))} is none of content`);
    if (CONTROL.test(value)) fail(`${name} holds a control character`);
    characters += name.length + value.length;
  }
  if (characters > MAX_CONTENT_HEADER_CHARACTERS) {
    fail(`have ${characters} characters, the limit is ${MAX_CONTENT_HEADER_CHARACTERS}`);
  }
}
