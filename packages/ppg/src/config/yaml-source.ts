import { isMap, isNode, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { ConfigProblem } from "./types.ts";

type Path = readonly PropertyKey[];

/** A YAML text, its value, and where each setting stands in it. */
export class YamlSource {
  readonly value: unknown;
  readonly problems: readonly ConfigProblem[];
  readonly #root: Node | null;
  readonly #lines = new LineCounter();

  constructor(text: string) {
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    this.problems = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
      path: "",
      line: this.#lines.linePos(pos[0]).line,
      variable: null,
      problem: message,
    }));
    this.#root = isNode(document.contents) ? document.contents : null;
    this.value = this.problems.length > 0 ? undefined : document.toJS({ maxAliasCount: 100 });
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

/** What stands for a member, its key if it has one, and its value. */
function child(node: unknown, key: PropertyKey): readonly [place: unknown, value: unknown] {
  if (isMap(node)) {
    const pair = node.items.find(
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
