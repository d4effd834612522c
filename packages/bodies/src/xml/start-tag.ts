import type { BodyErrorCode } from "../errors.ts";
import type { XmlAttribute } from "./tree.ts";

/** Of one element. */
const MAX_ATTRIBUTES = 256;
/** Characters of a value, comment or instruction; and of a name. */
const MAX_VALUE = 65_536;
const MAX_NAME = 1_024;

const TAB = 0x09;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const QUOTE = 0x22;
const APOSTROPHE = 0x27;
const SLASH = 0x2f;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;

/** A start tag or empty-element tag. XML 1.0 §3.1. */
export interface StartTag {
  /** As written, with its prefix. */
  readonly name: string;
  /** With their names as written. */
  readonly attributes: readonly XmlAttribute[];
  readonly isEmpty: boolean;
  /** Index behind its `>`. */
  readonly end: number;
}

/** What ends reading, and how a value is read. */
export interface TagReading {
  fail(code: BodyErrorCode, problem: string, index: number): never;
  /** The text ends where it may not. */
  failAtEnd(): never;
  /** `text[start, end)` with its references replaced; in a value, white space that is written becomes a blank (§3.3.3). */
  resolved(start: number, end: number, what: "value"): string;
}

/** Reads the start tag whose `<` is at `start`. */
export function readStartTag(text: string, start: number, reading: TagReading): StartTag {
  const name = readName(text, start + 1, "an element", reading);
  const attributes: XmlAttribute[] = [];
  let at = start + 1 + name.length;
  for (;;) {
    const next = skipWhite(text, at);
    if (next >= text.length) return reading.failAtEnd();
    const code = text.charCodeAt(next);
    if (code === GREATER) return { name, attributes, isEmpty: false, end: next + 1 };
    if (code === SLASH) {
      if (next + 1 >= text.length) return reading.failAtEnd();
      if (text.charCodeAt(next + 1) !== GREATER) return reading.fail("BODY_BAD_XML", "a / inside a tag", next);
      return { name, attributes, isEmpty: true, end: next + 2 };
    }
    if (next === at) return reading.fail("BODY_BAD_XML", "no white space before an attribute", next);
    if (attributes.length >= MAX_ATTRIBUTES) {
      return reading.fail("BODY_TOO_LARGE", `an element has more than ${MAX_ATTRIBUTES} attributes`, next);
    }
    at = readAttribute(text, next, attributes, reading);
  }
}

/** Returns the index behind it. */
function readAttribute(text: string, start: number, attributes: XmlAttribute[], reading: TagReading): number {
  const name = readName(text, start, "an attribute", reading);
  const equals = skipWhite(text, start + name.length);
  if (equals >= text.length) return reading.failAtEnd();
  if (text.charCodeAt(equals) !== EQUALS) return reading.fail("BODY_BAD_XML", "an attribute without a value", equals);
  const open = skipWhite(text, equals + 1);
  if (open >= text.length) return reading.failAtEnd();
  const quote = text.charCodeAt(open);
  if (quote !== QUOTE && quote !== APOSTROPHE) return reading.fail("BODY_BAD_XML", "a value without quotes", open);
  const end = endOf(text, quote === QUOTE ? '"' : "'", open + 1, "a value", reading);
  const less = text.slice(open + 1, end).indexOf("<");
  if (less >= 0) return reading.fail("BODY_BAD_XML", "< in a value", open + 1 + less);
  attributes.push({ name, namespace: "", value: reading.resolved(open + 1, end, "value") });
  return end + 1;
}

/** What stands from `start` up to white space, `=`, `/`, `>`, `<` or a quote. */
function readName(text: string, start: number, what: string, reading: TagReading): string {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code <= SPACE || code === EQUALS || code === SLASH || code === GREATER || code === LESS) break;
    if (code === QUOTE || code === APOSTROPHE) break;
  }
  if (at - start > MAX_NAME) {
    return reading.fail("BODY_TOO_LARGE", `a name has more than ${MAX_NAME} characters`, start);
  }
  if (at >= text.length) return reading.failAtEnd();
  if (at === start) return reading.fail("BODY_BAD_XML", `${what} without a name`, at);
  return text.slice(start, at);
}

/** Index of the next `closing`, which must not be far. */
export function endOf(text: string, closing: string, start: number, what: string, reading: TagReading): number {
  const found = text.indexOf(closing, start);
  if ((found < 0 ? text.length : found) - start > MAX_VALUE) {
    return reading.fail("BODY_TOO_LARGE", `${what} has more than ${MAX_VALUE} characters`, start);
  }
  return found < 0 ? reading.failAtEnd() : found;
}

export function skipWhite(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== SPACE && code !== NEWLINE && code !== TAB) break;
  }
  return at;
}
