import type { z } from "zod";

type Path = readonly PropertyKey[];

/**
 * What must not be, in how settings go together: the setting that is wrong then, and what to say of it. `follows` are the other
 * settings on which that hangs.
 */
export type Rule = readonly [broken: boolean, path: Path, problem: string, ...follows: Path[]];

/** Settings of which some may be wrong: these are undefined, in lists too. */
export type Right<T> = T extends readonly (infer Item)[]
  ? readonly (Right<Item> | undefined)[]
  : T extends object
    ? { readonly [Key in keyof T]?: Right<T[Key]> | undefined }
    : T;

/** Marks what the rules say: they take nothing from what is right in itself. */
const ofRule = { ofRule: true };

/**
 * The type with rules across its settings, which are looked at also when some settings are wrong, so that all problems are said at once;
 * but nothing is said twice of one setting, nor what only follows from what is wrong elsewhere.
 */
export function checkedTogether<Type extends z.ZodType>(
  type: Type,
  rules: (right: Right<z.output<Type>>) => readonly Rule[] | Promise<readonly Rule[]>,
): Type {
  return type.superRefine(
    async (value, context) => {
      const wrong = context.issues.filter(isOfValue).map(({ path = [] }) => path);
      const broken = (await rules(without(value, wrong))).filter(([isBroken]) => isBroken);
      for (const [, path, message, ...follows] of broken) {
        if (wrong.some((each) => startsWith(path, each) || follows.some((other) => overlap(each, other)))) continue;
        context.addIssue({ code: "custom", path: [...path], message, params: ofRule });
      }
    },
    { when: isMapping },
  );
}

function isMapping({ value }: { readonly value: unknown }): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A setting that nobody knows takes nothing from the others. */
function isOfValue(issue: z.core.$ZodRawIssue): boolean {
  return issue.code !== "unrecognized_keys" && issue["params"] !== ofRule;
}

function without<T>(value: T, wrong: readonly Path[]): Right<T> {
  const right: unknown = structuredClone(value);
  for (const path of wrong) {
    const holder = path.slice(0, -1).reduce<unknown>((each, key) => each?.[key as keyof typeof each], right);
    const key = path.at(-1);
    if (typeof holder === "object" && holder !== null && key !== undefined) Reflect.set(holder, key, undefined);
  }
  return right as Right<T>;
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((key, index) => path[index] === key);
}

function overlap(a: Path, b: Path): boolean {
  return startsWith(a, b) || startsWith(b, a);
}
