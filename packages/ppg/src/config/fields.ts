import { z } from "zod";
import { SettingProblem } from "./world.ts";

/** Runs a reader of ours as a zod type; what it throws becomes the problem. */
export function readBy<T>(read: (value: unknown) => T | Promise<T>): z.ZodType<T> {
  return z.any().transform(async (value: unknown, context) => {
    try {
      if (value !== undefined && value !== null) return await read(value);
      context.addIssue({ code: "custom", message: "is required" });
    } catch (error) {
      context.addIssue({ code: "custom", message: problemOf(error) });
    }
    return z.NEVER;
  });
}

/** The same for text. */
export function readTextBy<T>(read: (text: string) => T | Promise<T>): z.ZodType<T> {
  return readBy((value) => {
    if (typeof value !== "string") throw new SettingProblem(`must be text, not ${kindOf(value)}`);
    if (value.trim() === "") throw new SettingProblem("is empty");
    return read(value);
  });
}

/** The text as it is, once a parser of ours took it. */
export function textCheckedBy(check: (text: string) => unknown): z.ZodType<string> {
  return readTextBy(async (text) => {
    await check(text);
    return text;
  });
}

/** Text that others check. */
export const plainText: z.ZodType<string> = readTextBy((given) => given);

/** One or several; one may stand without its list. */
export function listOf<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  const asList = (value: unknown): unknown => (value === undefined || Array.isArray(value) ? value : [value]);
  return z.preprocess(asList, z.array(item));
}

/** At least one. */
export function someOf<T>(item: z.ZodType<T>, what: string): z.ZodType<T[]> {
  return listOf(item).refine((items) => items.length > 0, { error: `give at least one ${what}` });
}

export function oneOf<const Word extends string>(words: readonly Word[]): z.ZodType<Word> {
  return readTextBy((text) => {
    const word = words.find((each) => each === text);
    if (word !== undefined) return word;
    throw new SettingProblem(`${JSON.stringify(text)} is none of ${words.join(", ")}${didYouMean(text, words)}`);
  });
}

export function wholeNumber(min: number, max: number): z.ZodType<number> {
  return readBy((value) => {
    if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return value as number;
    throw new SettingProblem(`must be a whole number from ${min} to ${max}`);
  });
}

/** A number that need not be whole; the unit is in the name of the setting. */
export function quantity(min: number, max: number): z.ZodType<number> {
  return readBy((value) => {
    if (typeof value === "number" && value >= min && value <= max) return value;
    throw new SettingProblem(`must be a number from ${min} to ${max}`);
  });
}

export const flag: z.ZodType<boolean> = readBy((value) => {
  if (typeof value === "boolean") return value;
  throw new SettingProblem("must be true or false");
});

/** A mapping of settings; a setting that it does not have is a problem of its own, one line each in the order of `keys`. */
export function section<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys" ? issue.keys.map((key) => unknownSetting(key, known)).join("\n") : undefined,
  });
}

/** Says problems that zod finds by itself in our words. */
export function describeIssue(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== "invalid_type") return undefined;
  if (issue.input === undefined || issue.input === null) return "is required";
  const expected = { object: "settings", record: "settings", array: "a list", string: "text" }[
    issue.expected as string
  ];
  return `must be ${expected ?? issue.expected}, not ${kindOf(issue.input)}`;
}

function unknownSetting(key: string, known: readonly string[]): string {
  return `unknown setting${didYouMean(key, known)}`;
}

function didYouMean(text: string, known: readonly string[]): string {
  const lower = text.toLowerCase();
  const near = known
    .map((each) => ({ each, distance: editDistance(lower, each.toLowerCase()) }))
    .filter(({ each, distance }) => distance <= Math.max(1, Math.floor(each.length / 3)))
    .sort((a, b) => a.distance - b.distance)[0];
  return near === undefined ? "" : `; did you mean ${near.each}?`;
}

/** Levenshtein. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, letter] of [...a].entries()) {
    const current = [row + 1];
    for (const [column, other] of [...b].entries()) {
      const replaced = (previous[column] ?? 0) + (letter === other ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  return value !== null && typeof value === "object" ? "settings" : JSON.stringify(value);
}

/** What is wrong, without the name of the field, which the path says better. */
function problemOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const field = "field" in error ? String(error.field) : "";
  return field !== "" && error.message.startsWith(`${field}: `) ? error.message.slice(field.length + 2) : error.message;
}
