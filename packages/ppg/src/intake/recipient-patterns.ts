import { type Matcher, matcherOf } from "./patterns.ts";
import type { RecipientUri } from "./recipient-uri.ts";

/** A pattern in two pieces: who it is, and the parameters, of which null takes any. */
interface Pieces {
  readonly who: string;
  readonly parameters: string | null;
}

/**
 * Says whether a recipient matches one of the patterns. Who it is (of a tel URI its number) and the parameters are compared
 * apart: a star must not reach from the one into the other, where an initiator writes what it likes.
 */
export function recipientMatcherOf(patterns: readonly string[]): (recipient: RecipientUri) => boolean {
  const pieces = patterns.map(piecesOf);
  const isAnyOf = matcherOf(pieces.flatMap(({ who, parameters }) => (parameters === null ? [who] : [])));
  const pairs = pieces.flatMap(({ who, parameters }): (readonly [Matcher, Matcher])[] =>
    parameters === null ? [] : [[matcherOf([who]), matcherOf([parameters])]],
  );
  return ({ uri, bare }) => {
    const who = bare.startsWith("tel:") ? (bare.split(";", 1)[0] as string) : bare;
    if (isAnyOf(who)) return true;
    const parameters = uri.slice(who.length);
    return pairs.some(([isWho, areParameters]) => isWho(who) && areParameters(parameters));
  };
}

/** Scheme and host in lower case, a telephone number without separators. */
function piecesOf(pattern: string): Pieces {
  const trimmed = pattern.trim();
  const isTel = /^tel:/i.test(trimmed);
  // A semicolon before the @ belongs to the user part.
  const hostStart = isTel ? 0 : trimmed.lastIndexOf("@") + 1;
  const semicolon = trimmed.indexOf(";", hostStart);
  const end = semicolon < 0 ? trimmed.length : semicolon;
  const parameters = semicolon < 0 ? null : trimmed.slice(semicolon).toLowerCase();
  if (isTel)
    return {
      who: trimmed
        .slice(0, end)
        .toLowerCase()
        .replace(/[-.()]/g, ""),
      parameters,
    };
  const userStart = trimmed.indexOf(":") + 1;
  const userEnd = Math.max(hostStart, userStart);
  const scheme = trimmed.slice(0, userStart).toLowerCase();
  return { who: scheme + trimmed.slice(userStart, userEnd) + trimmed.slice(userEnd, end).toLowerCase(), parameters };
}
