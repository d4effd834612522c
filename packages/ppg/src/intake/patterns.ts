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
