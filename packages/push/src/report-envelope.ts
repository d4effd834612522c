import {
  BodyError,
  type BodyPart,
  CPIM_NAMESPACE,
  CPIM_TYPE,
  type CpimHeader,
  encodeCpim,
  imdnHeaders,
  parseContentDisposition,
  serializeCpimAddress,
} from "@sip-push/bodies";
import { parseNameAddr, SipParseError } from "@sip-push/sip";
import type { Representation } from "./accept.ts";
import { PushInputError } from "./errors.ts";
import type { ReportDisposition } from "./push-message.ts";

/** What a request for delivery reports says. */
export interface ReportRequestInit {
  /** A token of 64 bits at least that nobody can guess. RFC 5438 §6.3. */
  readonly messageId: string;
  /** When the push was sent: comes back in the report. */
  readonly sentAt: Date;
  /** Default positive-delivery and negative-delivery. */
  readonly dispositions?: readonly ReportDisposition[];
}

const DEFAULT_DISPOSITIONS: readonly ReportDisposition[] = ["positive-delivery", "negative-delivery"];

/**
 * Content in a message/cpim that asks for delivery reports. RFC 5438 §7.1.1: From, To, DateTime and Message-ID must be there.
 * Its header fields go with the content, inside.
 *
 * @param from of the sender, a URI or name-addr; @param to of the receiver.
 * @throws {PushInputError} PUSH_BAD_HEADER for an address, PUSH_BAD_REPORT for an id that has no form there.
 */
export function withReportRequest(
  content: Representation,
  from: string,
  to: string,
  report: ReportRequestInit,
): Representation {
  const { messageId, sentAt, dispositions = DEFAULT_DISPOSITIONS } = report;
  const header = (name: string, value: string): CpimHeader => ({ name, namespace: CPIM_NAMESPACE, value });
  try {
    const body = encodeCpim({
      headers: [
        header("From", cpimAddress(from, "from")),
        header("To", cpimAddress(to, "to")),
        header("DateTime", sentAt.toISOString()),
        ...imdnHeaders(messageId, dispositions),
      ],
      content: toPart(content),
    });
    return { contentType: CPIM_TYPE, body };
  } catch (error) {
    if (error instanceof BodyError)
      throw new PushInputError("PUSH_BAD_REPORT", "report", error.message, { cause: error });
    throw error;
  }
}

/** Content as a MIME part: octets as they are (SIP is 8-bit clean). */
export function toPart(content: Representation): BodyPart {
  const { contentType, body, contentEncoding, contentLanguage, contentDisposition, contentId } = content;
  const language = contentLanguage === undefined ? [] : [["Content-Language", contentLanguage] as const];
  const headers = [...language, ...(content.contentHeaders ?? [])];
  return {
    contentType,
    body,
    ...(contentEncoding !== undefined && { contentEncoding }),
    ...(contentDisposition !== undefined && { contentDisposition: parseContentDisposition(contentDisposition) }),
    ...(contentId !== undefined && { contentId }),
    ...(headers.length > 0 && { headers }),
  };
}

function cpimAddress(text: string, field: string): string {
  try {
    // A bare URI keeps its parameters: outside of brackets they would be those of the header field.
    const { displayName, uriText } = text.includes("<")
      ? parseNameAddr(text, field)
      : { displayName: undefined, uriText: text };
    return serializeCpimAddress({ uri: uriText, ...(displayName !== undefined && { displayName }) });
  } catch (error) {
    if (error instanceof SipParseError)
      throw new PushInputError("PUSH_BAD_HEADER", field, error.message, { cause: error });
    throw error;
  }
}
