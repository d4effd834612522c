import {
  decodePap,
  describePapCode,
  type PapDecodeOptions,
  PapError,
  type PapMessage,
  papCodeClassOf,
} from "@sip-push/pap";
import { failure, type HttpAnswer } from "./exchange.ts";
import type { Answered, Failed, GatewayResponse, Refused } from "./outcomes.ts";

/** What is asked, and so what may answer it. */
export interface Question<Kind extends GatewayResponse["kind"]> {
  readonly response: Kind;
  /** The push-id that the response must name; null for a capabilities query. */
  readonly pushId: string | null;
}

type ResponseOf<Kind extends GatewayResponse["kind"]> = Extract<GatewayResponse, { kind: Kind }>;

/** The result codes of a response, in order. */
const codesOf: { readonly [K in GatewayResponse["kind"]]: (response: ResponseOf<K>) => readonly Result[] } = {
  "push-response": ({ responseResult }) => [responseResult],
  "cancel-response": ({ cancelResults }) => cancelResults,
  "statusquery-response": ({ statusQueryResults }) => statusQueryResults,
  "ccq-response": (response) => [response],
};

/** The response says yes or no to the whole; the others speak of each recipient. */
const hasOneVerdict: readonly GatewayResponse["kind"][] = ["push-response", "ccq-response"];

interface Result {
  readonly code: number;
  readonly desc?: string;
}

/** HTTP statuses after which the same may go well later. */
const retryableStatuses: readonly number[] = [408, 425, 429, 502, 503, 504];

const MAX_DESCRIPTION_LENGTH = 256;

/**
 * What an HTTP response says to `question`. The HTTP status counts only where PAP gives no verdict on the whole: gateways answer 200
 * or 202 to what they refuse, and some a status of their own.
 *
 * @param nowMs wall time, for a Retry-After that is a date.
 */
export function readAnswer<Kind extends GatewayResponse["kind"]>(
  http: HttpAnswer,
  question: Question<Kind>,
  options: PapDecodeOptions,
  nowMs: number,
): Answered<ResponseOf<Kind>> | Refused | Failed {
  const { httpStatus, contentType, body } = http;
  let message: PapMessage;
  try {
    message = decodePap(contentType, body, options);
  } catch (error) {
    if (!(error instanceof PapError)) throw error;
    if (httpStatus >= 300) return refusedByHttp(http, nowMs);
    return failure("bad-answer", body.length === 0 ? "the answer is empty" : error.message, httpStatus);
  }
  const { operation } = message;
  if (operation.kind === "badmessage-response") {
    return refused(http, operation, operation.badMessageFragment || null, nowMs);
  }
  const response = operation as ResponseOf<Kind>;
  if (operation.kind !== question.response) {
    return failure("bad-answer", `a ${operation.kind} is no ${question.response}`, httpStatus);
  }
  if (question.pushId !== null && "pushId" in response && response.pushId !== question.pushId) {
    return failure("bad-answer", "the answer is about another push", httpStatus);
  }
  const [first] = codesOf[question.response](response);
  if (first === undefined) return failure("bad-answer", "the answer holds no result", httpStatus);
  // Of no recipient is said what came of it under a status that says no to the whole.
  const isVerdict = hasOneVerdict.includes(question.response) || httpStatus >= 400;
  if (isVerdict && papCodeClassOf(first.code) !== "success") return refused(http, first, null, nowMs);
  return {
    kind: "answered",
    httpStatus,
    papCode: first.code,
    description: first.desc ?? describePapCode(first.code),
    response,
    capabilities: message.capabilities ?? null,
    productName: message.productName ?? null,
  };
}

function refused(http: HttpAnswer, { code, desc }: Result, fragment: string | null, nowMs: number): Refused {
  return {
    kind: "refused",
    httpStatus: http.httpStatus,
    papCode: code,
    description: desc ?? describePapCode(code),
    badMessageFragment: fragment,
    retryAfterSeconds: retryAfterSeconds(http.retryAfter, nowMs),
    retryable: papCodeClassOf(code) === "service failure" || retryableStatuses.includes(http.httpStatus),
  };
}

/** What some statuses say to an initiator. */
const statusDescriptions: Readonly<Record<number, string>> = {
  400: "bad request",
  401: "the credentials are missing or wrong",
  403: "the initiator may not do that",
  404: "there is no gateway at that URL",
  405: "nothing takes PAP at that URL",
  413: "the message is too large",
  415: "the gateway does not take that media type",
  429: "too many requests",
  500: "the gateway failed",
  502: "the gateway is not reached",
  503: "the gateway is not available",
  504: "the gateway does not answer",
};

function refusedByHttp({ httpStatus, location, retryAfter }: HttpAnswer, nowMs: number): Refused {
  // A redirection is not followed: content and credentials would go where nobody said.
  const elsewhere =
    httpStatus < 400 && location !== null
      ? `the gateway is at ${location.slice(0, MAX_DESCRIPTION_LENGTH)}`
      : undefined;
  return {
    kind: "refused",
    httpStatus,
    papCode: null,
    description: elsewhere ?? statusDescriptions[httpStatus] ?? `HTTP status ${httpStatus}`,
    badMessageFragment: null,
    retryAfterSeconds: retryAfterSeconds(retryAfter, nowMs),
    retryable: retryableStatuses.includes(httpStatus),
  };
}

/** Longest wait that is believed: a day. */
const MAX_RETRY_AFTER_SECONDS = 86_400;

/** Seconds, or a date. RFC 9110 §10.2.3. */
export function retryAfterSeconds(text: string | null, nowMs: number): number | null {
  if (text === null) return null;
  const isDate = /^[A-Z][a-z]+,? .* GMT$/.test(text);
  const atMs = isDate ? Date.parse(text) : Number.NaN;
  const seconds = /^[0-9]{1,15}$/.test(text) ? Number(text) : Math.ceil((atMs - nowMs) / 1000);
  return Number.isNaN(seconds) ? null : Math.min(Math.max(seconds, 0), MAX_RETRY_AFTER_SECONDS);
}
