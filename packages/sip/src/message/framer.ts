import { asBuffer, contentLength, decodeHead, END_OF_HEAD } from "./decode.ts";
import { SipParseError } from "./errors.ts";
import { defaultLimits, type MessageLimits } from "./limits.ts";
import { emptyBody, type SipMessage } from "./message.ts";

/** What a stream brought: a message, a keep-alive ping (CRLFCRLF) or its pong (CRLF). RFC 5626 §3.5.1. */
export type Frame = SipMessage | "ping" | "pong";

/** `acceptor` took the connection and gets pings; `opener` made it and gets pongs. RFC 5626 §3.5.1, §4.4.1. */
export type FramerRole = "opener" | "acceptor";

const CR = 0x0d;
const LF = 0x0a;

/**
 * Cuts a byte stream into messages by Content-Length. RFC 3261 §18.3.
 *
 * A stream that once lost its framing cannot be trusted again: after {@link push} threw, close the connection.
 */
export class StreamFramer {
  readonly #limits: MessageLimits;
  readonly #role: FramerRole;
  /** Octets `[from, to)` wait for the rest of their message. Behind `to` there may be room, so that small chunks are cheap. */
  #store: Buffer = Buffer.alloc(0);
  #from = 0;
  #to = 0;
  /** Where to go on looking for the end of the head, so that a slow sender does not cost a scan per octet. */
  #scanned = 0;
  #head: { message: SipMessage; headBytes: number; bodyBytes: number } | undefined;

  constructor(limits: MessageLimits = defaultLimits, role: FramerRole = "opener") {
    this.#limits = limits;
    this.#role = role;
  }

  /** Octets held back until the rest of their message arrives. */
  get pendingBytes(): number {
    return this.#to - this.#from;
  }

  /**
   * Takes the next octets and returns what is complete. Bodies are views of the octets pushed, or of a copy of them.
   *
   * @throws {FramingError} on a head that is no SIP message, on a missing or bad Content-Length, past a limit.
   */
  push(octets: Uint8Array): Frame[] {
    this.#append(asBuffer(octets));
    const frames: Frame[] = [];
    try {
      for (let frame = this.#next(); frame !== undefined; frame = this.#next()) frames.push(frame);
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error;
      // The message whose length is in doubt can still be answered before the connection closes (RFC 4475 §3.1.2.3).
      if (this.#head !== undefined) frames.push(this.#head.message);
      throw new FramingError(error, frames);
    }
    return frames;
  }

  #append(chunk: Buffer): void {
    const pending = this.pendingBytes;
    if (pending === 0) {
      this.#store = chunk;
      this.#from = 0;
      this.#to = chunk.length;
      return;
    }
    if (this.#store.length - this.#to < chunk.length) {
      // Doubling keeps the copying linear however small the chunks are. Views that were given out keep the old store.
      const grown = Buffer.allocUnsafe(pending + Math.max(pending, chunk.length));
      this.#store.copy(grown, 0, this.#from, this.#to);
      this.#store = grown;
      this.#from = 0;
      this.#to = pending;
    }
    this.#store.set(chunk, this.#to);
    this.#to += chunk.length;
  }

  #next(): Frame | undefined {
    if (this.#head === undefined) {
      const keepAlive = this.#keepAlive();
      if (keepAlive !== undefined) return keepAlive;
      this.#readHead();
    }
    const head = this.#head;
    if (head === undefined || this.pendingBytes < head.headBytes + head.bodyBytes) return undefined;
    const bodyStart = this.#from + head.headBytes;
    head.message.body = head.bodyBytes === 0 ? emptyBody : this.#store.subarray(bodyStart, bodyStart + head.bodyBytes);
    this.#consume(head.headBytes + head.bodyBytes);
    return head.message;
  }

  /**
   * CRLFCRLF is a ping, a CRLF alone a pong. An opener takes a CRLF at the end of what came for a pong, because nothing
   * need follow it; an acceptor gets no pongs, so it waits for the other half of the ping.
   */
  #keepAlive(): "ping" | "pong" | undefined {
    while (this.#isLineEnd(0)) {
      const ping = this.#isLineEnd(2);
      const half = this.pendingBytes === 2 || (this.pendingBytes === 3 && this.#store[this.#from + 2] === CR);
      if (!ping && half && (this.#role === "acceptor" || this.pendingBytes === 3)) return undefined;
      this.#consume(ping ? 4 : 2);
      if (ping || this.#role === "opener") return ping ? "ping" : "pong";
      // RFC 3261 §7.5: an empty line before the start line means nothing.
    }
    return undefined;
  }

  #isLineEnd(offset: number): boolean {
    const at = this.#from + offset;
    return at + 1 < this.#to && this.#store[at] === CR && this.#store[at + 1] === LF;
  }

  #readHead(): void {
    // Room behind `to` holds old octets: look at what came only.
    const octets = this.#store.subarray(this.#from, this.#to);
    const headEnd = octets.indexOf(END_OF_HEAD, Math.max(this.#scanned - 3, 0));
    if ((headEnd < 0 ? octets.length : headEnd) > this.#limits.maxHeadBytes) {
      throw new SipParseError("SIP_TOO_LARGE", "headers", "too long", 513);
    }
    this.#scanned = octets.length;
    if (headEnd < 0) return;
    const message = decodeHead(octets.toString("latin1", 0, headEnd + 2), this.#limits);
    this.#head = { message, headBytes: headEnd + 4, bodyBytes: 0 };
    try {
      this.#head.bodyBytes = bodyBytes(message, this.#limits);
    } catch (error) {
      if (error instanceof SipParseError) message.flaw ??= error;
      throw error;
    }
  }

  #consume(count: number): void {
    this.#from += count;
    this.#scanned = 0;
    this.#head = undefined;
  }
}

function bodyBytes(message: SipMessage, limits: MessageLimits): number {
  const length = contentLength(message.headers);
  // RFC 3261 §20.14: on a stream it is required.
  if (length === undefined) throw new SipParseError("SIP_BAD_LENGTH", "Content-Length", "missing on a stream");
  if (length > limits.maxBodyBytes) throw new SipParseError("SIP_TOO_LARGE", "Content-Length", "too large", 413);
  return length;
}

/** The stream lost its framing. */
export class FramingError extends SipParseError {
  /**
   * Frames of the same push, to be handled before the connection closes. The last one may be the message whose length
   * is in doubt: its `flaw` says so, it has no body, and a request can be answered.
   */
  readonly framesBefore: readonly Frame[];

  constructor(error: SipParseError, framesBefore: readonly Frame[]) {
    super(error.code, error.field, error.message.slice(error.field.length + 2), error.statusCode);
    this.framesBefore = framesBefore;
  }
}
