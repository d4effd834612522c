import { parseNameAddr } from "./address.ts";
import { SipParseError } from "./errors.ts";
import { parseDecimal, parseMediaType, parseSeconds } from "./fields.ts";
import type { SipMessage, SipRequest, SipResponse } from "./message.ts";

/** What to answer to a request that breaks the rules of RFC 3261 §8.1.1 and §25. */
export interface Rejection {
  readonly statusCode: number;
  /** One line that names the header field or part. */
  readonly problem: string;
}

interface Rule {
  readonly name: string;
  readonly least: 0 | 1;
  readonly most: number;
  /** Throws on what is outside the grammar; called when the field is there. */
  readonly check: (message: SipMessage) => unknown;
}

const value = ({ headers }: SipMessage, name: string): string => headers.get(name) ?? "";

/** How often a field must and may stand, and what it holds. RFC 3261 §7.3.1, §8.1.1, §20; RFC 4475 §3.3.1, §3.3.8. */
const RULES: readonly Rule[] = [
  { name: "Via", least: 1, most: Number.POSITIVE_INFINITY, check: (message) => message.via },
  { name: "To", least: 1, most: 1, check: (message) => message.to },
  { name: "From", least: 1, most: 1, check: (message) => message.from },
  { name: "CSeq", least: 1, most: 1, check: (message) => message.cseq },
  { name: "Call-ID", least: 1, most: 1, check: (message) => parseCallId(message.callId) },
  // Required too, but RFC 2543 senders leave it out (RFC 4475 §3.4.1).
  {
    name: "Max-Forwards",
    least: 0,
    most: 1,
    check: (message) => parseDecimal(value(message, "Max-Forwards"), "Max-Forwards", 255),
  },
  { name: "Content-Type", least: 0, most: 1, check: (message) => parseMediaType(value(message, "Content-Type")) },
  // Read by the decoder already: what is wrong with it is the message's flaw.
  { name: "Content-Length", least: 0, most: 1, check: () => undefined },
  { name: "Expires", least: 0, most: 1, check: (message) => parseSeconds(value(message, "Expires"), "Expires") },
];

/**
 * The answer to a request that no core should see, or undefined when it is sound. RFC 4475 §3.1.2, §3.3 name the cases.
 * A malformed ACK gets no answer: the caller drops it.
 */
export function rejectionOf(request: SipRequest): Rejection | undefined {
  const flaw = flawOf(request, checkRequest);
  return flaw === undefined ? undefined : { statusCode: flaw.statusCode, problem: flaw.message };
}

/** True when a response is sound enough to be matched and passed up; otherwise it is dropped. */
export function isSound(response: SipResponse): boolean {
  return flawOf(response, checkMessage) === undefined;
}

function flawOf<T extends SipMessage>(message: T, check: (message: T) => void): SipParseError | undefined {
  if (message.flaw !== undefined) return message.flaw;
  try {
    check(message);
    return undefined;
  } catch (error) {
    if (error instanceof SipParseError) return error;
    throw error;
  }
}

function checkMessage(message: SipMessage): void {
  const { headers } = message;
  for (const { name, least, most, check } of RULES) {
    const count = headers.count(name);
    if (count < least) throw new SipParseError("SIP_BAD_HEADER", name, "missing");
    if (count > most) throw new SipParseError("SIP_BAD_HEADER", name, "appears more than once");
    if (count > 0) check(message);
  }
}

/** Letters and signs without blanks; where `@` may stand is nobody's concern here. RFC 3261 §25.1 callid. */
function parseCallId(text: string): void {
  if (!/^[\x21-\x7e]+$/.test(text)) throw new SipParseError("SIP_BAD_HEADER", "Call-ID", "not a word");
}

function checkRequest(request: SipRequest): void {
  checkMessage(request);
  checkRequestUri(request);
  if (request.cseq.method !== request.method) {
    throw new SipParseError("SIP_BAD_HEADER", "CSeq", "method differs from the Request-Line");
  }
  for (const contact of request.headers.list("Contact")) if (contact !== "*") parseNameAddr(contact, "Contact");
  for (const name of ["Route", "Record-Route"] as const) {
    for (const route of request.headers.list(name)) parseNameAddr(route, name);
  }
}

/** RFC 3261 §19.1.1 table 1: no headers in a Request-URI. RFC 4475 §3.1.2.7, §3.1.2.11. */
function checkRequestUri(request: SipRequest): void {
  const { uri } = request;
  if ((uri.scheme === "sip" || uri.scheme === "sips") && uri.headers.length > 0) {
    throw new SipParseError("SIP_BAD_URI", "Request-URI", "holds header fields");
  }
}
