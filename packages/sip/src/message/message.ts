import { type NameAddr, parseNameAddr } from "./address.ts";
import { DIGIT, isAll } from "./chars.ts";
import { SipParseError } from "./errors.ts";
import { type CSeq, parseCSeq } from "./fields.ts";
import { SipHeaders } from "./headers.ts";
import { parseUri, type Uri } from "./uri.ts";
import { parseVia, type Via } from "./via.ts";

/** No body: shared, because an empty array cannot be changed. */
export const emptyBody: Uint8Array = new Uint8Array(0);

abstract class Message {
  readonly headers: SipHeaders;
  /** Octets as sent; a view into the datagram or stream for a received message. */
  body: Uint8Array;
  /** What the decoder found wrong with it, when it could still be read: a request is answered so, a response dropped. */
  flaw: SipParseError | undefined;

  constructor(headers: SipHeaders, body: Uint8Array) {
    this.headers = headers;
    this.body = body;
  }

  /** Topmost Via. @throws {SipParseError} when it is missing or malformed. */
  get via(): Via {
    return required(this.headers.parsed("Via", parseVia), "Via");
  }

  /** @throws {SipParseError} when it is missing or malformed. */
  get cseq(): CSeq {
    return required(this.headers.parsed("CSeq", parseCSeq), "CSeq");
  }

  /** @throws {SipParseError} when it is missing or malformed. */
  get from(): NameAddr {
    return required(this.headers.parsed("From", parseFrom), "From");
  }

  /** @throws {SipParseError} when it is missing or malformed. */
  get to(): NameAddr {
    return required(this.headers.parsed("To", parseTo), "To");
  }

  /** @throws {SipParseError} when it is missing. */
  get callId(): string {
    return required(this.headers.get("Call-ID"), "Call-ID");
  }

  protected abstract startLine(): string;

  /** Octets that {@link encode} will write, without writing them; Content-Length counted once. */
  encodedLength(): number {
    const length = this.headers.has("Content-Length") ? 0 : 18 + String(this.body.length).length;
    return this.startLine().length + 4 + this.headers.serialize().length + length + this.body.length;
  }

  /**
   * The message as octets, body included. Content-Length is written as the octet count of the body whatever the headers
   * said, as the last field when it was missing. RFC 3261 §7, §20.14.
   *
   * @throws {SipParseError} SIP_BAD_START_LINE for a start line that would break the message in two.
   */
  encode(): Uint8Array {
    const said = this.headers.get("Content-Length");
    // Leading zeros are no reason to change what was received.
    if (said === undefined || !isAll(said, DIGIT) || Number(said) !== this.body.length) {
      this.headers.set("Content-Length", String(this.body.length));
    }
    const head = `${this.startLine()}\r\n${this.headers.serialize()}\r\n`;
    const octets = Buffer.allocUnsafe(head.length + this.body.length);
    octets.write(head, 0, "latin1");
    if (this.body.length > 0) octets.set(this.body, head.length);
    return octets;
  }
}

/** A SIP request. Text fields are octet strings as on the wire. */
export class SipRequest extends Message {
  readonly kind = "request" as const;
  method: string;
  /** As written on the wire. */
  requestUri: string;
  #uri: { text: string; uri: Uri } | undefined;

  constructor(method: string, requestUri: string, headers: SipHeaders = SipHeaders.of(), body: Uint8Array = emptyBody) {
    super(headers, body);
    this.method = method;
    this.requestUri = requestUri;
  }

  /** The parsed Request-URI. @throws {SipParseError} SIP_BAD_URI. */
  get uri(): Uri {
    if (this.#uri?.text !== this.requestUri) {
      this.#uri = { text: this.requestUri, uri: parseUri(this.requestUri, "Request-URI") };
    }
    return this.#uri.uri;
  }

  clone(): SipRequest {
    return new SipRequest(this.method, this.requestUri, this.headers.clone(), this.body);
  }

  protected override startLine(): string {
    const line = `${this.method} ${this.requestUri} SIP/2.0`;
    if (!/^[\x21-\x7e]+ [\x21-\x7e]+ SIP\/2\.0$/.test(line)) {
      throw new SipParseError("SIP_BAD_START_LINE", "Request-Line", `not one to send: ${JSON.stringify(line)}`);
    }
    return line;
  }
}

/** A SIP response. */
export class SipResponse extends Message {
  readonly kind = "response" as const;
  readonly statusCode: number;
  readonly reason: string;

  constructor(statusCode: number, reason: string, headers: SipHeaders = SipHeaders.of(), body: Uint8Array = emptyBody) {
    super(headers, body);
    this.statusCode = statusCode;
    this.reason = reason;
  }

  /** 200–699. */
  get isFinal(): boolean {
    return this.statusCode >= 200;
  }

  clone(): SipResponse {
    return new SipResponse(this.statusCode, this.reason, this.headers.clone(), this.body);
  }

  protected override startLine(): string {
    if (/[\r\n]|[^\0-\xff]/.test(this.reason)) {
      throw new SipParseError("SIP_BAD_START_LINE", "Status-Line", "line break or a character that is not an octet");
    }
    return `SIP/2.0 ${this.statusCode} ${this.reason}`;
  }
}

export type SipMessage = SipRequest | SipResponse;

function required<T>(value: T | undefined, field: string): T {
  if (value === undefined) throw new SipParseError("SIP_BAD_HEADER", field, "missing");
  return value;
}

const parseFrom = (value: string): NameAddr => parseNameAddr(value, "From");
const parseTo = (value: string): NameAddr => parseNameAddr(value, "To");
