import { contentLength, decodeHead } from "./decode.ts";
import { SipParseError } from "./errors.ts";
import { defaultLimits, type MessageLimits } from "./limits.ts";
import { emptyBody, type SipMessage } from "./message.ts";

/** What a stream brought: a message, a keep-alive ping (CRLFCRLF) or its pong (CRLF). RFC 5626 §3.5.1. */
export type Frame = SipMessage | "ping" | "pong";

const CR = 0x0d;
const LF = 0x0a;
const END_OF_HEAD = Buffer.from("\r\n\r\n");

/**
 * Cuts a byte stream into messages by Content-Length. RFC 3261 §18.3.
 *
 * A stream that once lost its framing cannot be trusted again: after {@link push} threw, close the connection.
 */
export class StreamFramer {
  readonly #limits: MessageLimits;
  #pending: Buffer = Buffer.alloc(0);
  /** Octets of a body that is still short: joined once when it is whole, so that small chunks do not cost their square. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  /** Where to go on looking for the end of the head, so that a slow sender does not cost a scan per octet. */
  #scanned = 0;
  #head: { message: SipMessage; bodyStart: number; end: number } | undefined;

  constructor(limits: MessageLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Octets held back until the rest of their message arrives. */
  get pendingBytes(): number {
    return this.#pending.length + this.#restBytes;
  }

  /**
   * Takes the next octets and returns what is complete. Bodies are views of the octets pushed.
   *
   * @throws {SipParseError} on a head that is no SIP message, on a missing or bad Content-Length, past a limit. The
   * frames before the bad one are in `framesBefore` of the error.
   */
  push(octets: Uint8Array): Frame[] {
    const chunk = octets instanceof Buffer ? octets : Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
    this.#append(chunk);
    const frames: Frame[] = [];
    try {
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    } catch (error) {
      throw error instanceof SipParseError ? new FramingError(error, frames) : error;
    }
    return frames;
  }

  #append(chunk: Buffer): void {
    this.#rest.push(chunk);
    this.#restBytes += chunk.length;
    if (this.#head !== undefined && this.pendingBytes < this.#head.end) return;
    this.#pending = this.#pending.length === 0 && this.#rest.length === 1 ? chunk : Buffer.concat([this.#pending, ...this.#rest]);
    this.#rest = [];
    this.#restBytes = 0;
  }

  #next(): Frame | undefined {
    if (this.#head === undefined) {
      const ping = this.#keepAlive();
      if (ping !== undefined) return ping;
      this.#head = this.#readHead();
    }
    const head = this.#head;
    if (head === undefined || this.#pending.length < head.end) return undefined;
    head.message.body = head.end === head.bodyStart ? emptyBody : this.#pending.subarray(head.bodyStart, head.end);
    this.#consume(head.end);
    return head.message;
  }

  #keepAlive(): "ping" | "pong" | undefined {
    const octets = this.#pending;
    if (octets[0] !== CR || octets[1] !== LF) return undefined;
    // A lone CRLF may be the first half of a ping; the other half comes in the same segment from every known sender.
    const ping = octets[2] === CR && octets[3] === LF;
    this.#consume(ping ? 4 : 2);
    return ping ? "ping" : "pong";
  }

  #readHead(): { message: SipMessage; bodyStart: number; end: number } | undefined {
    const octets = this.#pending;
    const headEnd = octets.indexOf(END_OF_HEAD, Math.max(this.#scanned - 3, 0));
    if ((headEnd < 0 ? octets.length : headEnd) > this.#limits.maxHeadBytes) {
      throw new SipParseError("SIP_TOO_LARGE", "headers", "too long", 513);
    }
    if (headEnd < 0) {
      this.#scanned = octets.length;
      return undefined;
    }
    const message = decodeHead(octets.toString("latin1", 0, headEnd + 2), this.#limits);
    const length = contentLength(message.headers);
    if (length === undefined) throw new SipParseError("SIP_BAD_LENGTH", "Content-Length", "missing on a stream");
    if (length > this.#limits.maxBodyBytes) throw new SipParseError("SIP_TOO_LARGE", "Content-Length", "too large", 413);
    return { message, bodyStart: headEnd + 4, end: headEnd + 4 + length };
  }

  #consume(count: number): void {
    this.#pending = this.#pending.subarray(count);
    this.#scanned = 0;
    this.#head = undefined;
  }
}

/** The stream lost its framing. */
export class FramingError extends SipParseError {
  /** Sound frames of the same push, to be handled before the connection closes. */
  readonly framesBefore: readonly Frame[];

  constructor(error: SipParseError, framesBefore: readonly Frame[]) {
    super(error.code, error.field, error.message.slice(error.field.length + 2), error.statusCode);
    this.framesBefore = framesBefore;
  }
}
