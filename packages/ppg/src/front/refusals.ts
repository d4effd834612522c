import { type PapCode, papCodes } from "@sip-push/pap";

/** What a request is told that does not reach the gateway. */
export interface RefusalRow {
  readonly httpStatus: number;
  readonly papCode: PapCode;
  readonly desc: string;
  /** When to come back, unless it is known better; null: it will be no other then. */
  readonly retryAfterSeconds: number | null;
}

export type Refusal =
  | "unauthenticated"
  | "insecure"
  | "slowedDown"
  | "tooFast"
  | "busy"
  | "closing"
  | "failed"
  | "notFound"
  | "tooLarge"
  | "encoded"
  | "malformed"
  | "tooSlow"
  | "longHeader";

const row = (
  httpStatus: number,
  papCode: PapCode,
  desc: string,
  retryAfterSeconds: number | null = null,
): RefusalRow => ({
  httpStatus,
  papCode,
  desc,
  retryAfterSeconds,
});

/** All refusals of the front: HTTP status (RFC 9110, 6585) and PAP code (PAP 2.x §9.13), each with a PAP document. Never 500. */
export const refusals: Readonly<Record<Refusal, RefusalRow>> = {
  unauthenticated: row(401, papCodes.forbidden, "credentials of a push initiator are needed"),
  insecure: row(403, papCodes.forbidden, "push initiators come over TLS"),
  slowedDown: row(429, papCodes.serviceUnavailable, "too many wrong credentials from this address", 1),
  tooFast: row(429, papCodes.serviceUnavailable, "more pushes than this push initiator may submit in this time", 1),
  busy: row(503, papCodes.serviceUnavailable, "too many requests are under way", 1),
  closing: row(503, papCodes.serviceUnavailable, "the gateway is stopping", 5),
  failed: row(503, papCodes.serviceFailure, "the gateway failed", 5),
  notFound: row(404, papCodes.badRequest, "PAP is not at this path"),
  tooLarge: row(413, papCodes.badRequest, "the body is too large"),
  encoded: row(415, papCodes.badRequest, "bodies are taken as they are, without Content-Encoding"),
  malformed: row(400, papCodes.badRequest, "this is no HTTP/1.1 request"),
  tooSlow: row(408, papCodes.badRequest, "the request did not come in time"),
  longHeader: row(431, papCodes.badRequest, "the header fields are too long"),
};

/** By the code of an error of Node's HTTP server; all others are `malformed`. */
const ofParser: Readonly<Record<string, Refusal>> = {
  HPE_HEADER_OVERFLOW: "longHeader",
  HPE_CHUNK_EXTENSIONS_OVERFLOW: "tooLarge",
  ERR_HTTP_REQUEST_TIMEOUT: "tooSlow",
};

/** What is said to octets that Node's HTTP server gave up on. */
export function refusalOfParser(error: Error & { readonly code?: string }): Refusal {
  return ofParser[error.code ?? ""] ?? "malformed";
}
