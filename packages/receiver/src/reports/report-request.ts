import {
  BodyError,
  type CpimMessage,
  cpimHeader,
  cpimValue,
  type DispositionRequest,
  dispositionRequests,
  IMDN_CPIM_NAMESPACE,
  IMDN_TYPE,
  imdnMessageId,
  parseCpimAddress,
} from "@sip-push/bodies";
import { mediaTypeOf } from "@sip-push/push";

/** What a push in message/cpim says about the reports that its sender wants. RFC 5438 §7.1.1. */
export interface ReportRequest {
  readonly messageId: string;
  /** DateTime as written; null when the sender left it out, though it must not (§7.1.1.2). */
  readonly dateTime: string | null;
  /** At least one. */
  readonly asked: readonly DispositionRequest[];
  /** From as written, to which the report is addressed; null for none that can be read. */
  readonly from: string | null;
  /** URI of To, and of Original-To (§6.4). */
  readonly toUri: string | null;
  readonly originalToUri: string | null;
  readonly subject: string | null;
  /** Intermediaries that want to see the report, topmost first. IMDN-Record-Route, §6.5. */
  readonly recordRoute: readonly RecordedHop[];
}

/** One IMDN-Record-Route field. */
export interface RecordedHop {
  /** As written. */
  readonly text: string;
  readonly uri: string;
}

/** Intermediaries on the way of one report; a peer has no reason for more. */
const MAX_HOPS = 16;

/** Characters of what a report repeats; longer text is left out. */
const MAX_DATE_TIME = 64;
const MAX_SUBJECT = 1000;

/** RFC 5438 §10: a token, of any length; it comes back in every report. */
const MESSAGE_ID = /^[^\s\p{Cc}]{1,256}$/u;

/**
 * The request for reports in a CPIM message. Null when nothing is asked for, when nobody could match the answer (no
 * Message-ID, §6.3), when it cannot be routed back, and in an IMDN: "it is forbidden to request an IMDN for an IMDN" (§7.2.1).
 */
export function reportRequestOf(message: CpimMessage): ReportRequest | null {
  if (mediaTypeOf(message.content.contentType) === IMDN_TYPE) return null;
  const asked = dispositionRequests(message);
  const messageId = imdnMessageId(message)?.trim() ?? "";
  if (asked.length === 0 || !MESSAGE_ID.test(messageId)) return null;
  const recordRoute = recordRouteOf(message);
  if (recordRoute === undefined) return null;
  const from = cpimHeader(message, "From")?.value.trim() ?? "";
  return {
    messageId,
    dateTime: shortText(cpimValue(message, "DateTime")?.trim(), MAX_DATE_TIME),
    asked,
    from: uriOf(from) === null ? null : from,
    toUri: uriOf(cpimHeader(message, "To")?.value),
    originalToUri: uriOf(cpimHeader(message, "Original-To", IMDN_CPIM_NAMESPACE)?.value),
    subject: shortText(cpimValue(message, "Subject"), MAX_SUBJECT),
    recordRoute,
  };
}

function shortText(text: string | undefined, max: number): string | null {
  return text === undefined || text.length > max ? null : text;
}

/** Undefined when a hop has no address: leaving one out would be another route. */
function recordRouteOf({ headers }: CpimMessage): RecordedHop[] | undefined {
  const hops: RecordedHop[] = [];
  for (const { name, namespace, value } of headers) {
    if (name !== "IMDN-Record-Route" || namespace !== IMDN_CPIM_NAMESPACE) continue;
    const text = value.trim();
    const uri = uriOf(text);
    if (uri === null || hops.length === MAX_HOPS) return undefined;
    hops.push({ text, uri });
  }
  return hops;
}

function uriOf(address: string | undefined): string | null {
  if (address === undefined) return null;
  try {
    return parseCpimAddress(address.trim(), "address").uri;
  } catch (error) {
    if (error instanceof BodyError) return null;
    throw error;
  }
}
