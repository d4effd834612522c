import { FORBIDDEN } from "./source.ts";

const predefined: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", apos: "'", quot: '"' };
/** What can stand between `&` and `;`. */
const NAME = /^[\p{L}_:#][\p{L}\p{M}\p{N}_.\-:·]*$/u;
/** Characters behind `&` in which the `;` is looked for. */
const MAX_NAME = 32;

/** A reference that cannot be replaced, and where. */
export interface BadReference {
  /** Where it is seen; the length of the text when it ends before that. */
  readonly index: number;
  readonly problem: string;
}

/**
 * Replaces references: to a character, or to one of the five predefined entities. XML 1.0 §4.1, §4.6.
 *
 * @param isCut the document goes no further than the text.
 */
export function withoutReferences(text: string, isCut: boolean): string | BadReference {
  let result = "";
  let from = 0;
  for (let at = text.indexOf("&"); at >= 0; at = text.indexOf("&", from)) {
    const begin = text.slice(at + 1, at + 1 + MAX_NAME);
    const length = begin.indexOf(";");
    if (length < 0) {
      if (isCut && begin.length < MAX_NAME && (begin === "" || NAME.test(begin))) {
        return { index: text.length, problem: "the document ends here" };
      }
      return { index: at, problem: "& begins no reference" };
    }
    const character = characterOf(begin.slice(0, length));
    if (character === undefined) {
      return { index: at + 1 + length, problem: "a reference to no character and to no entity that is predefined" };
    }
    result += text.slice(from, at) + character;
    from = at + length + 2;
  }
  return result + text.slice(from);
}

function characterOf(name: string): string | undefined {
  if (!name.startsWith("#")) return Object.hasOwn(predefined, name) ? predefined[name] : undefined;
  const match = /^#(?:0*([0-9]{1,8})|x0*([0-9A-Fa-f]{1,7}))$/.exec(name);
  if (match === null) return undefined;
  const code = match[1] === undefined ? Number.parseInt(match[2] as string, 16) : Number(match[1]);
  if (code > 0x10_ffff) return undefined;
  const character = String.fromCodePoint(code);
  return FORBIDDEN.test(character) ? undefined : character;
}
