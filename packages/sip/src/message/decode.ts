import { SipParseError } from "./errors.ts";
import { SipHeaders } from "./headers.ts";
import { defaultLimits, type MessageLimits } from "./limits.ts";
import { emptyBody, type SipMessage, SipRequest, SipResponse } from "./message.ts";
import { TOKEN } from "./text.ts";

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const STATUS_LINE = /^SIP\/2\.0 ([1-6][0-9]{2}) ([^\r\n]*)$/i;

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
  const headEnd = buffer.indexOf(END_OF_HEAD);
  if (headEnd < 0) throw new SipParseError("SIP_TRUNCATED", "message", "no empty line behind the header fields");
  if (headEnd > limits.maxHeadBytes) throw new SipParseError("SIP_TOO_LARGE", "headers", "too long", 513);
  const message = decodeHead(buffer.toString("latin1", 0, headEnd + 2), limits);
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

/** Start line and header fields; `head` ends with the CRLF of the last field. */
export function decodeHead(head: string, limits: MessageLimits = defaultLimits): SipMessage {
  // RFC 3261 §7.5: empty lines before the start line are ignored.
  let start = 0;
  while (head.startsWith("\r\n", start)) start += 2;
  const lineEnd = head.indexOf("\r\n", start);
  if (lineEnd < 0) throw new SipParseError("SIP_BAD_START_LINE", "start line", "missing");
  const line = head.slice(start, lineEnd);
  if (/^SIP\//i.test(line)) {
    const match = STATUS_LINE.exec(line);
    if (match === null) throw new SipParseError("SIP_BAD_START_LINE", "Status-Line", "malformed");
    return new SipResponse(Number(match[1]), match[2] as string, SipHeaders.parse(head, lineEnd + 2, limits.maxHeaders));
  }
  return decodeRequest(line, SipHeaders.parse(head, lineEnd + 2, limits.maxHeaders));
}

const REQUEST_LINE = /^([^ ]+) ([^ ]+) (SIP\/[0-9]+\.[0-9]+)$/i;

/** A Request-Line that breaks the grammar, but whose method is plain, leaves a request that can be answered 400. */
function decodeRequest(line: string, headers: SipHeaders): SipRequest {
  const match = REQUEST_LINE.exec(line);
  const [method = "", uri = ""] = match === null ? line.split(/[ \t]+/) : [match[1], match[2]];
  if (!TOKEN.test(method) || !/SIP\/[0-9]+\.[0-9]+\s*$/i.test(line)) {
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
 * @throws {SipParseError} SIP_BAD_LENGTH for what is not a number, and for several fields (RFC 4475 §3.3.9).
 */
export function contentLength(headers: SipHeaders): number | undefined {
  const value = headers.get("Content-Length");
  if (value === undefined) return undefined;
  if (!/^[0-9]{1,10}$/.test(value)) throw new SipParseError("SIP_BAD_LENGTH", "Content-Length", "not a number");
  return Number(value);
}

function asBuffer(octets: Uint8Array): Buffer {
  return octets instanceof Buffer ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
}
