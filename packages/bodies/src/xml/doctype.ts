import { isInstructionName } from "./source.ts";
import type { XmlInstruction } from "./tree.ts";

/** Where a DOCTYPE ends, and what is in it. */
export interface Doctype {
  /** Index behind its `>`; that of what may not stand there; the length of the text when it ends inside. */
  readonly end: number;
  readonly isGood: boolean;
  /** What stands between `<!DOCTYPE` and `>`. */
  readonly text: string;
  readonly instructions: readonly XmlInstruction[];
}

export const DOCTYPE_OPENING = "<!DOCTYPE";

/** `S Name (S ExternalID)? S?`. XML 1.0 productions 28 and 75; takes a PUBLIC without a system identifier too. */
const HEAD =
  /[ \t\n]+([^ \t\n[\]<>"'%&]+)(?:[ \t\n]+(?:PUBLIC[ \t\n]+(?:"([^"]*)"|'([^']*)')(?:[ \t\n]*(?:"[^"]*"|'[^']*'))?|SYSTEM[ \t\n]+(?:"[^"]*"|'[^']*')))?[ \t\n]*/y;
/** Production 13. */
const PUBLIC_ID = /^[ \nA-Za-z0-9\-'()+,./:=?;!*#@$_%]*$/;
/** What the internal subset is made of: productions 28a, 28b, 29. A declaration is passed over, its literals whole. */
const SUBSET =
  /[ \t\n]+|<!--[\s\S]*?--(>?)|<\?([\s\S]*?)\?>|<!(?:ELEMENT|ATTLIST|ENTITY|NOTATION)[ \t\n](?:[^"'<>]|"[^"]*"|'[^']*')*>|%([^ \t\n;<>"'%&]+);/y;
const TAIL = /\][ \t\n]*>/y;
/** What a document that is cut may end with, where the patterns above find nothing. */
const CUT_HEAD =
  /^(?:[ \t\n]*|[ \t\n]+[^ \t\n[\]<>"'%&]+(?:[ \t\n]+(?:P|PU|PUB|PUBL|PUBLI|PUBLIC|S|SY|SYS|SYST|SYSTE|SYSTEM|(?:PUBLIC|SYSTEM)[ \t\n]+(?:"[^"]*|'[^']*)?|PUBLIC[ \t\n]+(?:"[^"]*"|'[^']*')[ \t\n]*(?:"[^"]*|'[^']*))?)?)$/;
const CUT_SUBSET =
  /^(?:<|<!|<!-|<!--[\s\S]*|<\?[\s\S]*|<![A-Z]{1,8}|<!(?:ELEMENT|ATTLIST|ENTITY|NOTATION)[ \t\n](?:[^"'<>]|"[^"]*"|'[^']*')*(?:"[^"]*|'[^']*)?|%[^ \t\n;<>"'%&]*|\][ \t\n]*)$/;

/**
 * Reads the DOCTYPE at `start`. Nothing that it declares is looked at, but for the processing instructions in its internal
 * subset, which is how PAP states its versions.
 */
export function readDoctype(text: string, start: number): Doctype {
  const instructions: XmlInstruction[] = [];
  const opened = start + DOCTYPE_OPENING.length;
  const stop = (at: number, isCut: boolean): Doctype => ({
    end: isCut ? text.length : at,
    isGood: false,
    text: "",
    instructions,
  });
  const finish = (end: number): Doctype => ({
    end,
    isGood: true,
    text: text.slice(opened, end - 1).trim(),
    instructions,
  });
  HEAD.lastIndex = opened;
  const [, name = "", id, other = ""] = HEAD.exec(text) ?? [];
  let at = HEAD.lastIndex;
  if (at === 0) return stop(opened, CUT_HEAD.test(text.slice(opened)));
  if (!name.split(":").every(isInstructionName) || !PUBLIC_ID.test(id ?? other)) return stop(opened, false);
  if (text[at] === ">") return finish(at + 1);
  if (text[at] !== "[") return stop(at, at === text.length || CUT_HEAD.test(text.slice(opened)));
  at += 1;
  for (SUBSET.lastIndex = at; ; at = SUBSET.lastIndex) {
    const match = SUBSET.exec(text);
    if (match === null) break;
    const [, close, instruction, reference] = match;
    if (close === "") return stop(at, SUBSET.lastIndex === text.length);
    if (reference !== undefined && !isInstructionName(reference)) return stop(at, false);
    if (instruction === undefined) continue;
    const read = instructionOf(instruction);
    if (!isInstructionName(read.target) || isDeclaration(read)) return stop(at, false);
    instructions.push(read);
  }
  TAIL.lastIndex = at;
  if (TAIL.test(text)) return finish(TAIL.lastIndex);
  return stop(at, at === text.length || CUT_SUBSET.test(text.slice(at)));
}

/** @param content what stands between `<?` and `?>`. */
export function instructionOf(content: string): XmlInstruction {
  const end = content.search(/[ \t\n]|$/);
  return { target: content.slice(0, end), data: content.slice(end).replace(/^[ \t\n]+|[ \t\n]+$/g, "") };
}

/** Whether it has the name that XML keeps for its declaration. XML 1.0 §2.6. */
export function isDeclaration({ target }: XmlInstruction): boolean {
  return target.toLowerCase() === "xml";
}

const DECLARATION =
  /^version[ \t\n]*=[ \t\n]*(?:"1\.[0-9]+"|'1\.[0-9]+')(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"[A-Za-z][A-Za-z0-9._-]*"|'[A-Za-z][A-Za-z0-9._-]*'))?(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?$/;

/** Whether this is the XML declaration: version, encoding, standalone, in that order. XML 1.0 §2.8, §2.9. */
export function isGoodDeclaration({ target, data }: XmlInstruction): boolean {
  return target === "xml" && DECLARATION.test(data);
}
