import type { BodyPart } from "@sip-push/bodies";
import { type ContentHeaders, isContentHeader } from "@sip-push/push";
import { decodeText } from "@sip-push/sip";
import type { IncomingPush } from "./events.ts";

/** What a part says of its content besides type, coding, language and disposition. */
export function partHeadersOf({ contentId, headers = [] }: BodyPart): ContentHeaders {
  const id = contentId === undefined ? [] : [["Content-ID", `<${contentId}>`] as const];
  return [...id, ...headers.filter(([name]) => isContentHeader(name))];
}

/** What a push says of its content besides type, coding, language and disposition: Content-ID, Content-Location, X-Wap-…, as Unicode. */
export function contentHeadersOf({
  partHeaders,
  headers,
}: Pick<IncomingPush, "partHeaders" | "headers">): ContentHeaders {
  if (partHeaders !== null) return partHeaders;
  return [...headers]
    .filter(([name]) => isContentHeader(name) || name.toLowerCase() === "content-id")
    .map(([name, value]) => [name, decodeText(value)]);
}
