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

/** Fields that every message has, once. RFC 3261 §8.1.1, §8.2.6; Max-Forwards is left out for RFC 2543 senders. */
const REQUIRED = ["To", "From", "CSeq", "Call-ID", "Via"] as const;

/** Fields that may stand once at most. RFC 3261 §7.3.1, RFC 4475 §3.3.8. */
const SINGLE = ["To", "From", "CSeq", "Call-ID", "Max-Forwards", "Content-Type", "Content-Length", "Expires"] as const;

/** Header fields whose grammar is checked when they are there. */
const CHECKED: ReadonlyArray<readonly [name: string, check: (value: string) => unknown]> = [
  ["Max-Forwards", (value) => parseDecimal(value, "Max-Forwards", 255)],
  ["Expires", (value) => parseSeconds(value, "Expires")],
  ["Content-Type", (value) => parseMediaType(value)],
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
  for (const name of REQUIRED) {
    if (!headers.has(name)) throw new SipParseError("SIP_BAD_HEADER", name, "missing");
  }
  for (const name of SINGLE) {
    if (headers.count(name) > 1) throw new SipParseError("SIP_BAD_HEADER", name, "appears more than once");
  }
  // Reading the getters is the check: each throws on what it cannot parse.
  void message.via;
  void message.cseq;
  void message.from;
  void message.to;
  for (const [name, check] of CHECKED) {
    const value = headers.get(name);
    if (value !== undefined) check(value);
  }
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
