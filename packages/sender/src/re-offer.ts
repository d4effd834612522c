import { type PushMessage, pickRepresentation, type Representation } from "@sip-push/push";
import type { SipResponse } from "@sip-push/sip";
import { withoutCodings } from "./identity-coding.ts";

/**
 * What to offer after a 415: the first representation that its Accept fields allow and that was not offered, as given or
 * without its content codings. RFC 3261 §21.4.13.
 *
 * @param offered what was offered so far; the last one was refused.
 */
export function nextRepresentation<T extends Representation>(
  response: SipResponse,
  offered: readonly Representation[],
  given: readonly T[],
  maxBodyBytes: number,
): T | undefined {
  const refused = offered.at(-1);
  if (refused === undefined) return undefined;
  const decoded = given.flatMap((form) => (withoutCodings(form, maxBodyBytes) as T | undefined) ?? []);
  const isNew = (candidate: Representation): boolean => !offered.some((other) => sameForm(other, candidate));
  return pickRepresentation(response, refused, [...given, ...decoded].filter(isNew));
}

function sameForm(a: Representation, b: Representation): boolean {
  return (
    a.contentType === b.contentType &&
    a.contentEncoding === b.contentEncoding &&
    a.contentLanguage === b.contentLanguage
  );
}

/** The push without the option tags that a 420 calls unsupported; undefined when it requires none of them. */
export function withoutUnsupported(push: PushMessage, response: SipResponse): PushMessage | undefined {
  const unsupported = new Set(response.headers.list("Unsupported").map((tag) => tag.toLowerCase()));
  if (!requiredOptions(push).some((tag) => unsupported.has(tag))) return undefined;
  const headers = (push.headers ?? []).flatMap(([name, value]): Array<readonly [string, string]> => {
    if (!isRequire(name)) return [[name, value]];
    const left = optionTags(value).filter((tag) => !unsupported.has(tag));
    return left.length === 0 ? [] : [[name, left.join(", ")]];
  });
  return { ...push, headers };
}

/** Option tags that a push requires of its receiver or of proxies, in lower case. RFC 3261 §20.32, §20.29. */
export function requiredOptions({ headers = [] }: PushMessage): string[] {
  return headers.flatMap(([name, value]) => (isRequire(name) ? optionTags(value) : []));
}

function isRequire(name: string): boolean {
  return /^(?:proxy-)?require$/i.test(name);
}

function optionTags(value: string): string[] {
  return value.split(",").map((tag) => tag.trim().toLowerCase());
}
