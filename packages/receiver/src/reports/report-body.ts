import {
  CPIM_NAMESPACE,
  type CpimHeader,
  encodeCpim,
  encodeImdn,
  IMDN_CPIM_NAMESPACE,
  IMDN_TYPE,
  imdnHeaders,
  serializeCpimAddress,
} from "@sip-push/bodies";
import { randomToken } from "@sip-push/sip";
import type { ReportRequest } from "./report-request.ts";
import type { ReportContent } from "./report-table.ts";

/** A report about one push. */
export interface ReportOrder {
  readonly request: ReportRequest;
  readonly content: ReportContent;
  /** URI of the user who got the push and reports. */
  readonly reporter: string;
  /** URI of the sender of the push. */
  readonly sender: string;
  readonly receivedAt: Date;
}

/**
 * The message/cpim body of a delivery report: an IMDN addressed back along the way of the push. RFC 5438 §7.2.1, §7.2.1.1, §11.
 *
 * @throws {BodyError} for an order that has no form on the wire.
 */
export function reportBody({ request, content, reporter, sender, receivedAt }: ReportOrder): Uint8Array {
  const { messageId, dateTime, from, toUri, originalToUri, subject, recordRoute } = request;
  const address = (name: string, value: string): CpimHeader => ({ name, namespace: CPIM_NAMESPACE, value });
  const body = encodeImdn({
    messageId,
    // §11.1.2: when the push was sent; when it came stands in for a sender who does not say.
    dateTime: dateTime ?? receivedAt.toISOString(),
    recipientUri: toUri ?? reporter,
    originalRecipientUri: originalToUri,
    subject,
    ...content,
    extensions: [],
  });
  return encodeCpim({
    headers: [
      address("From", serializeCpimAddress({ uri: reporter })),
      address("To", from ?? serializeCpimAddress({ uri: sender })),
      // §6.3: 64 bits at least that nobody can guess.
      ...imdnHeaders(randomToken(16)),
      ...recordRoute.map(({ text }) => ({ name: "IMDN-Route", namespace: IMDN_CPIM_NAMESPACE, value: text })),
    ],
    content: { contentType: IMDN_TYPE, contentDisposition: { type: "notification", params: new Map() }, body },
  });
}
