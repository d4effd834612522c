import type { XmlInstruction } from "./tree.ts";

/** Where a DOCTYPE stands in a document, and what is in it. */
export interface Doctype {
  /** Index of its `<`. */
  readonly start: number;
  /** Index behind its `>`; -1 when the text ends inside. */
  readonly end: number;
  /** What stands between `<!DOCTYPE` and `>`. */
  readonly text: string;
  readonly instructions: readonly XmlInstruction[];
}

/** What may stand before a DOCTYPE: white space, comments and processing instructions. XML 1.0 production 22. */
const MISC = /(?:\s+|<!--[\s\S]*?-->|<\?[\s\S]*?\?>)*/y;
/** One piece of a DOCTYPE: a comment, an instruction, a literal, or characters. */
const PIECE = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|"[^"]*"|'[^']*'|[^<"'[\]>]+|<(?!\?|!--)|[[\]>]/y;
const OPENING = "<!DOCTYPE";

/**
 * Finds the DOCTYPE of a document. It is read here, because the XML reader loses its place at a processing instruction inside
 * an internal subset, which is how PAP states its versions.
 */
export function findDoctype(text: string): Doctype | undefined {
  MISC.lastIndex = 0;
  MISC.exec(text);
  const start = MISC.lastIndex;
  if (!text.startsWith(OPENING, start)) return undefined;
  const instructions: XmlInstruction[] = [];
  let brackets = 0;
  PIECE.lastIndex = start + OPENING.length;
  for (let match = PIECE.exec(text); match !== null; match = PIECE.exec(text)) {
    const [piece] = match;
    if (piece.startsWith("<?")) instructions.push(instructionOf(piece));
    else if (piece === "[") brackets++;
    else if (piece === "]") brackets--;
    else if (piece === ">" && brackets <= 0) {
      const end = PIECE.lastIndex;
      return { start, end, text: text.slice(start + OPENING.length, end - 1).trim(), instructions };
    }
    // A `>` inside the brackets ends a declaration there.
  }
  return { start, end: -1, text: "", instructions };
}

function instructionOf(piece: string): XmlInstruction {
  const content = piece.slice(2, -2);
  const end = content.search(/\s|$/);
  return { target: content.slice(0, end), data: content.slice(end).trim() };
}
