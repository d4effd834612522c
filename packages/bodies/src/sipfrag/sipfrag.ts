import { BodyError } from "../errors.ts";
import { type BodyLimits, checkOctets } from "../limits.ts";

/** Content-Type of a fragment of a SIP message. RFC 3420. */
export const SIPFRAG_TYPE = "message/sipfrag;version=2.0";

/** The status line of a response, as the NOTIFY of a REFER carries it. RFC 3515 §2.4.5. */
export interface SipStatusLine {
  /** 100 to 699. */
  readonly statusCode: number;
  readonly reasonPhrase: string;
}

const STATUS_LINE = /^SIP\/2\.0[ \t]+([1-6][0-9]{2})(?:[ \t]+([\s\S]*))?$/i;

const encoder = new TextEncoder();

/** The body of such a NOTIFY: `SIP/2.0 200 OK` and a line end. */
export function encodeSipfrag({ statusCode, reasonPhrase }: SipStatusLine): Uint8Array {
  if (!Number.isInteger(statusCode) || statusCode < 100 || statusCode > 699) {
    throw new BodyError("BODY_BAD_VALUE", "statusCode", `must be an integer from 100 to 699, not ${statusCode}`);
  }
  if (/[\r\n\0]/.test(reasonPhrase)) {
    throw new BodyError("BODY_BAD_VALUE", "reasonPhrase", "holds a line break or NUL");
  }
  return encoder.encode(`SIP/2.0 ${statusCode} ${reasonPhrase}\r\n`);
}

/**
 * The status line that a fragment begins with; header fields behind it are left aside. Tolerates bare line feeds, no line
 * end, and no reason phrase. Malformed UTF-8 in the reason phrase becomes U+FFFD.
 *
 * @throws {BodyError} BODY_BAD_DOCUMENT when it begins with no status line; BODY_TOO_LARGE.
 */
export function decodeSipfrag(octets: Uint8Array, limits: BodyLimits = {}): SipStatusLine {
  checkOctets(octets, "sipfrag", limits);
  const end = octets.findIndex((octet) => octet === 0x0d || octet === 0x0a);
  const line = new TextDecoder().decode(end < 0 ? octets : octets.subarray(0, end)).trimEnd();
  const match = STATUS_LINE.exec(line);
  if (match === null) throw new BodyError("BODY_BAD_DOCUMENT", "sipfrag", "begins with no status line", { offset: 0 });
  return { statusCode: Number(match[1]), reasonPhrase: match[2]?.trim() ?? "" };
}
