import { hostPatternProblem, isAddress, type Matcher, matcherOf } from "./patterns.ts";

/** A pattern, or its one URL, in pieces: `http://127.0.0.1`, port, and all from the slash on. */
interface Pieces {
  readonly host: string;
  /** "" is that of the scheme. */
  readonly port: string;
  readonly rest: string;
}

/** No user information: `http://127.0.0.1:80@elsewhere.test/` goes elsewhere. */
const URL_PIECES = /^([a-z]+:\/\/(?:\[[^\]/@]*\]|[^/:@[\]]+))(?::([0-9]{1,5}))?(\/.*)$/s;
const PATTERN_PIECES = /^((?:[^/]*\/\/)?(?:\[[^\]/]*\]|[^/[\]:]*))(?::([0-9]+|\*))?(\/.*)?$/s;
const CONFIGURED = /^(https?:)\/\/(\[[^\]/]*\]|[^/?#@\s:[\]]+)(?::([0-9]{1,5}|\*))?\/[^\s#]*$/i;
const EMPTY_LABEL = /\/\.|\.\./;
const DEFAULT_PORTS: Readonly<Record<string, string>> = { "http:": "80", "https:": "443" };

/**
 * Says whether results may be sent to a URL, given in its one spelling (`URL.href`). In the patterns `*` stands for any run of
 * characters in host or path; it does not reach from the one into the other, where an initiator writes what it likes. As the port
 * it stands for any port; so does the star that a host without a port ends with. Without a path: `/`, behind such a star any.
 */
export function notifyMatcherOf(patterns: readonly string[]): Matcher {
  if (patterns.some((pattern) => pattern.trim() === "*")) return () => true;
  const matchers = patterns.flatMap((pattern) => {
    const pieces = piecesOf(pattern.trim());
    return pieces === undefined ? [] : [matcherOfPieces(pieces)];
  });
  return (url) => {
    const [, host, port = "", rest] = URL_PIECES.exec(url) ?? [];
    if (host === undefined || rest === undefined) return false;
    return matchers.some((matches) => matches({ host, port, rest }));
  };
}

function matcherOfPieces({ host, port, rest }: Pieces): (url: Pieces) => boolean {
  const [isHost, isRest] = [matcherOf([host]), matcherOf([rest])];
  return (url) =>
    (port === "*" || port === url.port) && isHost(url.host) && isRest(url.rest) && !EMPTY_LABEL.test(url.host);
}

/**
 * What is wrong with a pattern of notify URLs, or undefined: it must not match more than it seems to say, and must match something.
 * In the path stars are free; as the port one is any port; `https://*` is everywhere over TLS.
 */
export function notifyPatternProblem(pattern: string): string | undefined {
  if (pattern === "*" || /^https?:\/\/\*$/i.test(pattern)) return undefined;
  const [, scheme = "", host = "", port = ""] = CONFIGURED.exec(pattern) ?? [];
  if (host === "" || Number(port) > 65_535) {
    const examples = "https://pi.example.test/results*, https://*.example.test/* or http://127.0.0.1:*/*";
    return `is no pattern of URLs; write such as ${examples}, with the whole host and a slash after it`;
  }
  const spelt = host.includes("*") ? host.toLowerCase() : URL.parse(`${scheme}//${host}/`)?.host;
  const problem = hostPatternProblem(host.includes("*") ? host : (spelt ?? host));
  if (problem !== undefined || spelt === host.toLowerCase()) return problem;
  return `has a host that URLs write as ${spelt}`;
}

/** Whether a pattern says by itself where its URLs lead: it has an IP address, or an origin without a star. */
export function namesOrigin(pattern: string): boolean {
  const [, , host = "", port = ""] = CONFIGURED.exec(pattern.trim()) ?? [];
  return isAddress(host) || (host !== "" && !host.includes("*") && port !== "*");
}

function piecesOf(pattern: string): Pieces | undefined {
  const match = PATTERN_PIECES.exec(pattern);
  if (match === null) return undefined;
  const host = (match[1] as string).toLowerCase();
  const isOpen = host.endsWith("*");
  const written = match[2] ?? (isOpen ? "*" : "");
  const port = written === DEFAULT_PORTS[host.slice(0, host.indexOf("/"))] ? "" : written;
  return { host, port, rest: match[3] ?? (isOpen ? "*" : "/") };
}
