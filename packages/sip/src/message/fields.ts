import { DIGIT, isAll, skipBlanks, spanOf, TOKEN_CHAR, trimBlanks } from "./chars.ts";
import { SipParseError } from "./errors.ts";
import { type Params, parseParams } from "./params.ts";

/** CSeq: number 0..2^32-1 (§20.16; what we begin with is below 2^31, §8.1.1.5) and method. RFC 3261. */
export interface CSeq {
  readonly seq: number;
  readonly method: string;
}

const MAX_UINT32 = 0xffff_ffff;

/** @throws {SipParseError} SIP_BAD_HEADER with field "CSeq". */
export function parseCSeq(value: string): CSeq {
  const seqEnd = spanOf(value, DIGIT, 0);
  const methodStart = skipBlanks(value, seqEnd);
  const seq = seqEnd === 0 ? Number.NaN : Number(value.slice(0, seqEnd));
  if (!(seq <= MAX_UINT32) || methodStart === seqEnd || !isAll(value, TOKEN_CHAR, methodStart)) {
    throw new SipParseError(
      "SIP_BAD_HEADER",
      "CSeq",
      `"${value.slice(0, 40)}" is not a number below 2^32 and a method`,
    );
  }
  return { seq, method: value.slice(methodStart) };
}

/**
 * A decimal header value.
 *
 * @param max larger values are an error.
 * @throws {SipParseError} SIP_BAD_HEADER naming `field`.
 */
export function parseDecimal(value: string, field: string, max: number = MAX_UINT32): number {
  const number = isAll(value, DIGIT) ? Number(value) : Number.NaN;
  if (!(number <= max)) {
    throw new SipParseError("SIP_BAD_HEADER", field, `"${value.slice(0, 40)}" is not a number from 0 to ${max}`);
  }
  return number;
}

/**
 * delta-seconds; values past 2^32-1 mean 2^32-1 (RFC 3261 §20.19, RFC 4475 §3.1.2.4).
 *
 * @throws {SipParseError} SIP_BAD_HEADER naming `field`.
 */
export function parseSeconds(value: string, field: string): number {
  if (!isAll(value, DIGIT)) throw new SipParseError("SIP_BAD_HEADER", field, "not a number of seconds");
  return Math.min(Number(value), MAX_UINT32);
}

/** `token *(;param)`: Event, Subscription-State, Content-Disposition, … */
export interface TokenWithParams {
  readonly value: string;
  readonly params: Params;
}

/** @throws {SipParseError} SIP_BAD_HEADER naming `field`. */
export function parseTokenWithParams(text: string, field: string): TokenWithParams {
  const semicolon = text.indexOf(";");
  const value = trimBlanks(semicolon < 0 ? text : text.slice(0, semicolon));
  if (!isAll(value, TOKEN_CHAR))
    throw new SipParseError("SIP_BAD_HEADER", field, `"${value.slice(0, 40)}" is not a token`);
  return { value, params: parseParams(semicolon < 0 ? "" : text.slice(semicolon), field) };
}

/** Media type `type/subtype` in lower case, with its parameters. RFC 3261 §20.15. */
export interface MediaType {
  readonly type: string;
  readonly params: Params;
}

/** @throws {SipParseError} SIP_BAD_HEADER naming `field`. Ranges (`text/*`) are taken too. */
export function parseMediaType(text: string, field = "Content-Type"): MediaType {
  const semicolon = text.indexOf(";");
  const head = trimBlanks(semicolon < 0 ? text : text.slice(0, semicolon));
  const typeEnd = spanOf(head, TOKEN_CHAR, 0);
  const slash = skipBlanks(head, typeEnd);
  const subtype = skipBlanks(head, slash + 1);
  if (typeEnd === 0 || head[slash] !== "/" || !isAll(head, TOKEN_CHAR, subtype)) {
    throw new SipParseError("SIP_BAD_HEADER", field, `"${head.slice(0, 40)}" is not a media type`);
  }
  const plain = subtype === typeEnd + 1;
  const type = (plain ? head : `${head.slice(0, typeEnd)}/${head.slice(subtype)}`).toLowerCase();
  return { type, params: parseParams(semicolon < 0 ? "" : text.slice(semicolon), field) };
}

/** Retry-After: seconds, with the comment and parameters left aside. RFC 3261 §20.33. Undefined when malformed. */
export function parseRetryAfter(value: string | undefined): number | undefined {
  const digits = /^([0-9]+)[ \t]*(?:$|[;(])/.exec(trimBlanks(value ?? ""))?.[1];
  return digits === undefined ? undefined : Math.min(Number(digits), MAX_UINT32);
}

/** SIP-date: RFC 1123, GMT only (RFC 3261 §20.17). Undefined when malformed. */
export function parseSipDate(value: string): Date | undefined {
  if (value === lastParsed.text) return new Date(lastParsed.ms);
  const date = new Date(value);
  // What is written back the same had the right weekday, a day that exists and nothing but GMT.
  if (Number.isNaN(date.getTime()) || date.toUTCString() !== value) return undefined;
  lastParsed = { text: value, ms: date.getTime() };
  return date;
}

/** RFC 1123 date in GMT, whole seconds. */
export function serializeSipDate(date: Date): string {
  const second = Math.floor(date.getTime() / 1000);
  if (second !== lastSerialized.second) lastSerialized = { text: date.toUTCString(), second };
  return lastSerialized.text;
}

/** All messages of one second have one Date: the last is remembered, each way. Without that it was 4 % of a push. */
let lastParsed = { text: "Thu, 01 Jan 1970 00:00:00 GMT", ms: 0 };
let lastSerialized = { text: "", second: Number.NaN };
