import { DIGIT, isAll, TOKEN_CHAR } from "./chars.ts";
import { SipParseError } from "./errors.ts";
import { SipHeaders } from "./headers.ts";
import { defaultLimits, type MessageLimits } from "./limits.ts";
import { emptyBody, type SipMessage, SipRequest, SipResponse } from "./message.ts";

const CR = 0x0d;
const LF = 0x0a;
export const END_OF_HEAD: Buffer = Buffer.from("\r\n\r\n");

/**
 * Decodes one message that fills `octets`: a datagram, a WebSocket message, or what a stream framer cut out. The body is
 * a view of `octets`. Octets behind Content-Length are dropped (RFC 3261 §18.3).
 *
 * A request that can still be answered comes back with `flaw` set; what its header fields mean is for
 * {@link rejectionOf} to judge.
 *
 * @throws {SipParseError} when it cannot be split into start line, header fields and body.
 */
export function decodeMessage(octets: Uint8Array, limits: MessageLimits = defaultLimits): SipMessage {
  const buffer = asBuffer(octets);
  const start = skipEmptyLines(buffer);
  const headEnd = buffer.indexOf(END_OF_HEAD, start);
  if (headEnd < 0) return decodeUnended(buffer, start, limits);
  if (headEnd - start > limits.maxHeadBytes) throw new SipParseError("SIP_TOO_LARGE", "headers", "too long", 513);
  const message = decodeHead(buffer.toString("latin1", start, headEnd + 2), limits);
  const bodyStart = headEnd + 4;
  try {
    const length = bodyLength(message.headers, buffer.length - bodyStart, limits);
    message.body = length === 0 ? emptyBody : buffer.subarray(bodyStart, bodyStart + length);
  } catch (error) {
    if (!(error instanceof SipParseError)) throw error;
    message.flaw ??= error;
  }
  return message;
}

function bodyLength(headers: SipHeaders, available: number, limits: MessageLimits): number {
  const length = contentLength(headers) ?? available;
  if (length > limits.maxBodyBytes) throw new SipParseError("SIP_TOO_LARGE", "Content-Length", "body too large", 413);
  if (length > available) throw new SipParseError("SIP_BAD_LENGTH", "Content-Length", "larger than the body");
  return length;
}

/** The header fields end with the datagram: enough to answer a request, not enough to take it. */
function decodeUnended(buffer: Buffer, start: number, limits: MessageLimits): SipMessage {
  const error = new SipParseError("SIP_TRUNCATED", "message", "no empty line behind the header fields");
  const whole = buffer.length > start && buffer[buffer.length - 2] === CR && buffer[buffer.length - 1] === LF;
  if (!whole || buffer.length - start > limits.maxHeadBytes) throw error;
  const message = decodeHead(buffer.toString("latin1", start), limits);
  message.flaw ??= error;
  return message;
}

/** Start line and header fields; `head` begins with the start line and ends with the CRLF of its last line. */
export function decodeHead(head: string, limits: MessageLimits = defaultLimits): SipMessage {
  const lineEnd = head.indexOf("\r\n");
  const headers = SipHeaders.parse(head, lineEnd + 2, limits.maxHeaders);
  const message = decodeUsualRequest(head, lineEnd, headers) ?? decodeStartLine(head.slice(0, lineEnd), headers);
  message.flaw ??= headers.flaw;
  return message;
}

/** The Request-Line that nearly all requests have: nothing to mend, nothing to complain about. */
function decodeUsualRequest(head: string, lineEnd: number, headers: SipHeaders): SipRequest | undefined {
  const methodEnd = head.indexOf(" ");
  const uriEnd = lineEnd - 8;
  const usual =
    head.startsWith(" SIP/2.0", uriEnd) &&
    head.indexOf(" ", methodEnd + 1) === uriEnd &&
    uriEnd > methodEnd + 1 &&
    isAll(head, TOKEN_CHAR, 0, methodEnd);
  return usual ? new SipRequest(head.slice(0, methodEnd), head.slice(methodEnd + 1, uriEnd), headers) : undefined;
}

// The blank behind the code is required; a liberal receiver does without when there is no phrase (RFC 4475 §3.1.1.13).
const STATUS_LINE = /^SIP\/2\.0 ([1-6][0-9]{2})(?: ([^\r\n]*))?$/i;
const REQUEST_LINE = /^([^ ]+) ([^ ]+) (SIP\/[0-9]+\.[0-9]+)$/i;

function decodeStartLine(line: string, headers: SipHeaders): SipMessage {
  if (!/^SIP\//i.test(line)) return decodeRequestLine(line, headers);
  const match = STATUS_LINE.exec(line);
  if (match === null) throw new SipParseError("SIP_BAD_START_LINE", "Status-Line", "malformed");
  return new SipResponse(Number(match[1]), match[2] ?? "", headers);
}

/** A Request-Line that breaks the grammar, but whose method is plain, leaves a request that can be answered 400. */
function decodeRequestLine(line: string, headers: SipHeaders): SipRequest {
  const match = REQUEST_LINE.exec(line);
  const [method = "", uri = ""] = match === null ? line.split(/[ \t]+/, 2) : [match[1], match[2]];
  if (!isAll(method, TOKEN_CHAR) || !/ SIP\/[0-9]+\.[0-9]+[ \t]*$/i.test(line)) {
    throw new SipParseError("SIP_BAD_START_LINE", "Request-Line", "not a request");
  }
  const request = new SipRequest(method, uri, headers);
  if (match === null) request.flaw = new SipParseError("SIP_BAD_START_LINE", "Request-Line", "malformed");
  else if (match[3]?.slice(4) !== "2.0") {
    request.flaw = new SipParseError("SIP_BAD_VERSION", "SIP-Version", "not SIP/2.0", 505);
  }
  return request;
}

/**
 * Content-Length, or undefined when there is none.
 *
 * @throws {SipParseError} SIP_BAD_LENGTH for what is not a number, and for several fields (RFC 4475 §3.1.2.3, §3.3.9).
 */
export function contentLength(headers: SipHeaders): number | undefined {
  const value = headers.get("Content-Length");
  if (value === undefined) return undefined;
  if (!isAll(value, DIGIT)) throw new SipParseError("SIP_BAD_LENGTH", "Content-Length", "not a number");
  if (headers.count("Content-Length") > 1) {
    throw new SipParseError("SIP_BAD_LENGTH", "Content-Length", "appears more than once");
  }
  return Number(value);
}

/** RFC 3261 §7.5: empty lines before the start line are ignored. Returns the index behind them. */
function skipEmptyLines(octets: Uint8Array): number {
  let i = 0;
  while (octets[i] === CR && octets[i + 1] === LF) i += 2;
  return i;
}

export function asBuffer(octets: Uint8Array): Buffer {
  return octets instanceof Buffer ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}
