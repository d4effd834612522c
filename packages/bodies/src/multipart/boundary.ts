import { encodeUtf8 } from "../text.ts";

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;
const ZERO = 0x30;

/** A delimiter line. RFC 2046 §5.1.1. */
export interface Delimiter {
  /** Where the content before it ends: the line end that belongs to the delimiter is left out. */
  readonly contentEnd: number;
  /** Where the next line begins. */
  readonly next: number;
  /** Whether it is the last (`--boundary--`). */
  readonly isClose: boolean;
}

/** The next delimiter line from `from`, which is the start of a line; undefined when there is none up to the end. */
export function findDelimiter(octets: Uint8Array, dashBoundary: Uint8Array, from: number): Delimiter | undefined {
  for (let at = from; at < octets.length; at = nextLine(octets, at)) {
    if (!startsWith(octets, dashBoundary, at)) continue;
    const behind = at + dashBoundary.length;
    const isClose = octets[behind] === DASH && octets[behind + 1] === DASH;
    const next = endOfDelimiter(octets, isClose ? behind + 2 : behind, isClose);
    if (next !== undefined) return { contentEnd: beforeLineEnd(octets, at, from), next, isClose };
  }
  return undefined;
}

/** Octets that are looked at one by one: a call of `indexOf` for every short line costs fifty times as much. */
const SHORT_LINE = 64;

function nextLine(octets: Uint8Array, at: number): number {
  const end = Math.min(at + SHORT_LINE, octets.length);
  let i = at;
  while (i < end && octets[i] !== LF) i++;
  const lineFeed = i < end ? i : octets.indexOf(LF, i);
  return lineFeed < 0 ? octets.length : lineFeed + 1;
}

function startsWith(octets: Uint8Array, needle: Uint8Array, at: number): boolean {
  if (at + needle.length > octets.length) return false;
  let i = 0;
  while (i < needle.length && octets[at + i] === needle[i]) i++;
  return i === needle.length;
}

/** Only blanks may follow on the line. The octets may end behind a closing one. */
function endOfDelimiter(octets: Uint8Array, from: number, isClose: boolean): number | undefined {
  let i = from;
  while (octets[i] === 0x20 || octets[i] === 0x09) i++;
  if (octets[i] === LF) return i + 1;
  if (octets[i] === CR && octets[i + 1] === LF) return i + 2;
  return isClose && (i >= octets.length || (octets[i] === CR && i + 1 === octets.length)) ? octets.length : undefined;
}

function beforeLineEnd(octets: Uint8Array, at: number, from: number): number {
  if (at <= from) return from;
  const lineFeed = at - 1;
  return lineFeed > from && octets[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed;
}

/** Index of `needle` in `octets` from `from`, or -1. */
function indexOfOctets(octets: Uint8Array, needle: Uint8Array, from: number): number {
  const first = needle[0] as number;
  let at = octets.indexOf(first, from);
  while (at >= 0 && !startsWith(octets, needle, at)) at = octets.indexOf(first, at + 1);
  return at;
}

const PREFIX = "sip-push-";
const DIGITS = 8;
const prefixOctets: Uint8Array = encodeUtf8(PREFIX, "boundary");

/**
 * A boundary that occurs in none of the contents: the lowest number that no boundary of ours in them has. One pass over them,
 * whatever they hold, and the same contents give the same boundary.
 */
export function freshBoundary(contents: readonly Uint8Array[]): string {
  const taken = new Set<number>();
  for (const octets of contents) {
    for (let at = indexOfOctets(octets, prefixOctets, 0); at >= 0; at = indexOfOctets(octets, prefixOctets, at + 1)) {
      taken.add(numberAt(octets, at + prefixOctets.length));
    }
  }
  let number = 0;
  while (taken.has(number)) number++;
  return PREFIX + String(number).padStart(DIGITS, "0");
}

function numberAt(octets: Uint8Array, from: number): number {
  let number = 0;
  for (let i = from; i < from + DIGITS; i++) {
    const digit = (octets[i] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return -1;
    number = number * 10 + digit;
  }
  return number;
}
