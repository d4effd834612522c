import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { ConfigProblem } from "./types.ts";

/** Beyond that a small file makes a large value. */
const MAX_ALIASES = 100;

type Path = readonly PropertyKey[];

/** A YAML text, its value, and where each setting stands in it. */
export class YamlSource {
  /** Undefined: it cannot be read at all. */
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  readonly #root: Node | null;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const found = [...document.errors, ...document.warnings];
    const problems = found.map(({ pos, code, message }) =>
      problemAt(this.#lines.linePos(pos[0]).line, ourWords[code] ?? message),
    );
    this.#root = isNode(document.contents) ? document.contents : null;
    const isReadable = document.errors.every(({ code }) => Object.hasOwn(ourWords, code));
    const { value, problem } = isReadable ? valueOf(document) : {};
    this.value = value;
    this.problems = problem === undefined ? problems : [...problems, problemAt(null, problem)];
  }

  /** Line of the setting, from 1; of what would hold it when it is not there, null when that is the file itself. */
  lineOf(path: Path): number | null {
    let node: unknown = this.#root;
    let line: number | null = null;
    for (const key of path) {
      const [place, value] = child(node, key);
      if (place === undefined) break;
      line = this.#lineOf(place) ?? line;
      node = value;
    }
    return line;
  }

  #lineOf(node: unknown): number | null {
    const start = isNode(node) ? node.range?.[0] : undefined;
    return start === undefined ? null : this.#lines.linePos(start).line;
  }
}

/** What the parser says to programmers, said to people: mistakes that leave the rest readable. */
const ourWords: Readonly<Record<string, string>> = {
  MULTIPLE_DOCS: "a second document begins here (---); the settings must be one",
  DUPLICATE_KEY: "a setting of this name is there already",
};

const problemAt = (line: number | null, problem: string): ConfigProblem => ({
  path: "",
  line,
  variable: null,
  problem,
});

/** Fails for aliases (`*name`) that stand for too much, or for nothing. */
function valueOf(document: Document): { readonly value?: unknown; readonly problem?: string } {
  try {
    return { value: document.toJS({ maxAliasCount: MAX_ALIASES }) };
  } catch {
    return { problem: `has aliases (*name) that stand for more than ${MAX_ALIASES} values, or for none` };
  }
}

/** What stands for a member, its key if it has one, and its value. */
function child(node: unknown, key: PropertyKey): readonly [place: unknown, value: unknown] {
  if (isMap(node)) {
    const pair = node.items.findLast(
      (each) => isPair(each) && isScalar(each.key) && String(each.key.value) === String(key),
    );
    return [pair?.key, pair?.value];
  }
  const item = isSeq(node) ? node.items[Number(key)] : undefined;
  return [item, item];
}

/** `initiators[1].password` */
export function pathText(path: Path): string {
  return path
    .map((key, index) => (typeof key === "number" ? `[${key}]` : `${index === 0 ? "" : "."}${String(key)}`))
    .join("");
}
