import type { XmlInstruction } from "./tree.ts";

/** Where a DOCTYPE ends, and what is in it. */
export interface Doctype {
  /** Index behind its `>`; -1 when the text ends inside. */
  readonly end: number;
  /** What stands between `<!DOCTYPE` and `>`. */
  readonly text: string;
  readonly instructions: readonly XmlInstruction[];
}

/** One piece of a DOCTYPE: a comment, an instruction, a literal, or characters. */
const PIECE = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|"[^"]*"|'[^']*'|[^<"'[\]>]+|<(?!\?|!--)|[[\]>]/y;
export const DOCTYPE_OPENING = "<!DOCTYPE";

/**
 * Reads the DOCTYPE at `start`. Nothing that it declares is looked at, but for the processing instructions in its internal
 * subset, which is how PAP states its versions.
 */
export function readDoctype(text: string, start: number): Doctype {
  const instructions: XmlInstruction[] = [];
  let brackets = 0;
  PIECE.lastIndex = start + DOCTYPE_OPENING.length;
  for (let match = PIECE.exec(text); match !== null; match = PIECE.exec(text)) {
    const [piece] = match;
    if (piece.startsWith("<?")) instructions.push(instructionOf(piece.slice(2, -2)));
    else if (piece === "[") brackets++;
    else if (piece === "]") brackets--;
    else if (piece === ">" && brackets <= 0) {
      const end = PIECE.lastIndex;
      return { end, text: text.slice(start + DOCTYPE_OPENING.length, end - 1).trim(), instructions };
    }
    // A `>` inside the brackets ends a declaration there.
  }
  return { end: -1, text: "", instructions };
}

/** @param content what stands between `<?` and `?>`. */
export function instructionOf(content: string): XmlInstruction {
  const end = content.search(/\s|$/);
  return { target: content.slice(0, end), data: content.slice(end).trim() };
}
