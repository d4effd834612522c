import { NotificationError } from "./errors.ts";

/**
 * WSP content type codes (OMNA registry) of what datastores hold. Any other code is written `wsp:0x` and six hex digits, so
 * that it survives decoding and encoding.
 */
const codeByMediaType: Readonly<Record<string, number>> = {
  "text/plain": 0x03,
  "text/x-vcalendar": 0x06,
  "text/x-vcard": 0x07,
  "text/calendar": 0x0305,
  "application/vnd.omads-email+xml": 0x0306,
  "application/vnd.omads-file+xml": 0x0307,
  "application/vnd.omads-folder+xml": 0x0308,
  "text/vcard": 0x0309,
};

const mediaTypeByCode = new Map(Object.entries(codeByMediaType).map(([mediaType, code]) => [code, mediaType]));

const UNLISTED = /^wsp:0x([0-9a-f]{1,6})$/;

/** Content type of a 24-bit code; `null` for 0, which is "unspecified" and usual in the field. */
export function contentTypeOfWspCode(code: number): string | null {
  if (code === 0) return null;
  return mediaTypeByCode.get(code) ?? `wsp:0x${code.toString(16).padStart(6, "0")}`;
}

/**
 * 24-bit code of a content type: a listed media type or `wsp:0x…`, in any case; 0 for `null`.
 *
 * @throws {NotificationError} `NOTIFICATION_OUT_OF_RANGE` for a media type that has no listed code.
 */
export function wspCodeOfContentType(contentType: string | null, field: string): number {
  if (contentType === null) return 0;
  const name = contentType.toLowerCase();
  if (Object.hasOwn(codeByMediaType, name)) return codeByMediaType[name] as number;
  const unlisted = UNLISTED.exec(name);
  if (unlisted) return Number.parseInt(unlisted[1] as string, 16);
  const known = Object.keys(codeByMediaType).join(", ");
  const problem = `${JSON.stringify(contentType)} has no WSP code here; use null, wsp:0xNNNNNN or one of ${known}`;
  throw new NotificationError("NOTIFICATION_OUT_OF_RANGE", problem, { field });
}
