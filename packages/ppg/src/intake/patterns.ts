import { isIP, isIPv6 } from "node:net";

/** Says whether a text matches. */
export type Matcher = (text: string) => boolean;

/**
 * Matches texts against patterns in which `*` stands for any run of characters. Each piece between two stars is looked for
 * once, from where the one before it ended, so nothing is ever tried again.
 */
export function matcherOf(patterns: readonly string[]): Matcher {
  if (patterns.includes("*")) return () => true;
  const exact = new Set(patterns.filter((pattern) => !pattern.includes("*")));
  const others = patterns.filter((pattern) => pattern.includes("*")).map(withStars);
  return (text) => exact.has(text) || others.some((matches) => matches(text));
}

function withStars(pattern: string): Matcher {
  const pieces = pattern.split("*");
  const head = pieces[0] as string;
  const tail = pieces.at(-1) as string;
  const middle = pieces.slice(1, -1).filter((piece) => piece !== "");
  return (text) => {
    if (text.length < head.length + tail.length || !text.startsWith(head) || !text.endsWith(tail)) return false;
    const end = text.length - tail.length;
    let at = head.length;
    for (const piece of middle) {
      const found = text.indexOf(piece, at);
      if (found < 0 || found + piece.length > end) return false;
      at = found + piece.length;
    }
    return true;
  };
}

const LABEL = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?";
const HOST = new RegExp(`^(?:${LABEL}\\.)*${LABEL}$`, "i");
/** An IPv6 address, or what ends in a number: an IPv4 address, whole or not. */
const NUMERIC = /^\[|(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$/i;

/**
 * What is wrong with the host of a pattern, or undefined. In a host a star may only be its whole first label, with the name of
 * a domain behind it (`*.example.test`: all names below it): anywhere else it lets hosts in that anybody may register.
 */
export function hostPatternProblem(host: string): string | undefined {
  if (!host.includes("*")) {
    const isHost = host.startsWith("[") ? isIPv6(host.slice(1, -1)) && host.endsWith("]") : HOST.test(host);
    return isHost ? undefined : `${JSON.stringify(host)} is no host`;
  }
  const domain = host.slice(2);
  if (host.startsWith("*.") && HOST.test(domain) && domain.includes(".") && !NUMERIC.test(domain)) return undefined;
  return `in the host ${JSON.stringify(host)} a star may only be the whole first label, before a domain of two: *.example.test`;
}

/** Whether it is an IP address, with brackets or without. */
export function isAddress(host: string): boolean {
  return isIP(host.replace(/^\[(.*)\]$/, "$1")) !== 0;
}
