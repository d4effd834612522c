import { hostPatternProblem, type Matcher, matcherOf } from "./patterns.ts";
import type { RecipientUri } from "./recipient-uri.ts";

/** A pattern in two pieces: who it is, and the parameters, of which null takes any. */
interface Pieces {
  readonly who: string;
  readonly parameters: string | null;
}

/**
 * Says whether a recipient matches one of the patterns. Who it is (of a tel URI its number) and the parameters are compared
 * apart: a star must not reach from the one into the other, where an initiator writes what it likes. A pattern without parameters
 * takes any, one with parameters these and no others. Without a port it takes recipients without one, `:*` any port and none.
 */
export function recipientMatcherOf(patterns: readonly string[]): (recipient: RecipientUri) => boolean {
  const pieces = patterns.flatMap((pattern) => {
    const { who, parameters } = piecesOf(pattern);
    const withoutPort = /^sips?:.*[^:*]:\*$/s.test(who) ? [{ who: who.slice(0, -2), parameters }] : [];
    return [{ who, parameters }, ...withoutPort];
  });
  const isAnyOf = matcherOf(pieces.flatMap(({ who, parameters }) => (parameters === null ? [who] : [])));
  const pairs = pieces.flatMap(({ who, parameters }): (readonly [Matcher, Matcher])[] =>
    parameters === null ? [] : [[matcherOf([who]), matcherOf([parameters])]],
  );
  return ({ uri, bare }) => {
    const who = bare.startsWith("tel:") ? (bare.split(";", 1)[0] as string) : bare;
    if (isAnyOf(who)) return true;
    const parameters = uri.slice(who.length).toLowerCase();
    return pairs.some(([isWho, areParameters]) => isWho(who) && areParameters(parameters));
  };
}

const SIP_PATTERN = /^sips?:(?:([^@]*)@)?(\[[^\]@]*\]|[^:;@[\]]*)(?::([0-9]{1,5}|\*))?(;[^@]*)?$/is;
const TEL_PATTERN = /^tel:\+?[0-9a-d*#().-]+(;.*)?$/i;
const CONTEXT = /;phone-context=([^;]*)/i;

/**
 * What is wrong with a pattern of recipients, or undefined: it must not match more than it seems to say. Stars are free in the user,
 * the telephone number and the parameters; `sip:*` is every SIP URI.
 */
export function recipientPatternProblem(pattern: string): string | undefined {
  if (pattern === "*" || /^sips?:\*(?:;[^@\s]*)?$/i.test(pattern)) return undefined;
  const isTel = TEL_PATTERN.test(pattern);
  const [, user, sipHost, port] = isTel ? [] : (SIP_PATTERN.exec(pattern) ?? []);
  const context = isTel ? CONTEXT.exec(pattern)?.[1] : undefined;
  const host = context?.startsWith("+") === true ? undefined : (context ?? sipHost);
  if (/[\s?]/.test(pattern) || user === "" || Number(port) > 65_535 || (!isTel && sipHost === undefined))
    return "is no pattern of recipients; write sip:*@example.test, tel:+49* or *";
  return host === undefined ? undefined : hostPatternProblem(host);
}

/** By name, as those of a recipient are; a star that may stand for several stays where it is. */
function sorted(parameters: string): string {
  const each = parameters.slice(1).split(";");
  if (each.some((parameter) => parameter.split("=", 1)[0]?.includes("*"))) return parameters;
  return each
    .sort()
    .map((parameter) => `;${parameter}`)
    .join("");
}

/** Scheme and host in lower case, a telephone number without separators. */
function piecesOf(pattern: string): Pieces {
  const trimmed = pattern.trim();
  const isTel = /^tel:/i.test(trimmed);
  // A semicolon before the @ belongs to the user part.
  const hostStart = isTel ? 0 : trimmed.lastIndexOf("@") + 1;
  const semicolon = trimmed.indexOf(";", hostStart);
  const end = semicolon < 0 ? trimmed.length : semicolon;
  const parameters = semicolon < 0 ? null : sorted(trimmed.slice(semicolon).toLowerCase());
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
