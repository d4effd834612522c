import { type Matcher, matcherOf } from "./patterns.ts";

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
  return (url) => (port === "*" || port === url.port) && isHost(url.host) && isRest(url.rest);
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
