import type { PapCode } from "@sip-push/pap";

/** A push initiator as it was authenticated, and what it may do. */
export interface Initiator {
  /** Unique; owner of its push-ids. */
  readonly name: string;
  /**
   * Patterns of recipients (SIP and tel URIs in their one spelling) it may push to. `*` matches any run of characters in user and
   * host, or in a number, or in parameters; a pattern without parameters takes any.
   */
  readonly recipients: readonly string[];
  /** Patterns of application ids it may push; content without one counts as the empty string. */
  readonly applications: readonly string[];
  /**
   * Patterns of URLs that results may be sent to: nobody makes the gateway call its neighbours. `*` matches any run of characters
   * in the host, or in path and query, or stands for any port.
   */
  readonly notifyUrls: readonly string[];
}

/** One PAP operation off the wire, its initiator authenticated. */
export interface PapRequest {
  readonly initiator: Initiator;
  /** Content-Type of the HTTP request; null: absent. */
  readonly contentType: string | null;
  readonly body: Uint8Array;
  /** W3C trace context header; null: absent. */
  readonly traceparent: string | null;
}

/** What to answer. */
export interface PapAnswer {
  /** 202 with a PAP document; 503 when the store does not answer (PAP 4001), with Retry-After. */
  readonly httpStatus: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  readonly retryAfterSeconds: number | null;
  /** For logs: element of the request (`bad-message` when unreadable), its push-id, the code of the answer. */
  readonly operation: string;
  readonly pushId: string | null;
  readonly papCode: PapCode;
}

/** The gateway's side of PAP; the HTTP front calls it, and nothing else does. Never rejects. */
export interface PapService {
  handle(request: PapRequest): Promise<PapAnswer>;
  /**
   * A PAP answer to what is refused before it is read: too large, too many, the gateway is full or stopping.
   *
   * @param beginning octets that came of it, to be quoted and answered in kind. Default: none.
   */
  refuse(papCode: PapCode, description: string, beginning?: Uint8Array): Pick<PapAnswer, "contentType" | "body">;
}
