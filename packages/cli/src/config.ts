import type { Command } from "commander";
import { z } from "zod";
import { readInput } from "./input-files.ts";
import { type Io, UsageError } from "./io.ts";

/** Settings by name, as zod types. */
export type Settings<Shape extends z.ZodRawShape> = z.output<z.ZodObject<Shape>>;

/**
 * Problems that lie in how settings go together, each beginning with its flag. Settings with a problem of their own are missing,
 * and named in `wrong`.
 */
export type CrossCheck<Shape extends z.ZodRawShape> = (
  given: Partial<Settings<Shape>>,
  wrong: ReadonlySet<string>,
) => readonly string[];

/**
 * Settings of one command from flags, environment and file, in this order of precedence, checked together: all problems
 * are reported at once, each with its flag.
 *
 * `--ds-server` may come from `SIP_PUSH_DS_SERVER` or from `dsServer` in the JSON file of `--config`; a setting that may be
 * repeated is a list there, separated by blanks in the environment.
 *
 * @throws {UsageError} one line.
 */
export async function readConfig<Shape extends z.ZodRawShape>(
  io: Io,
  shape: Shape,
  flags: Readonly<Record<string, unknown>>,
  crossCheck: CrossCheck<Shape> = () => [],
): Promise<Settings<Shape>> {
  const path = flags["config"] ?? io.env["SIP_PUSH_CONFIG"];
  const file = typeof path === "string" && path !== "" ? await readJsonFile(io, path) : {};
  const unknown = Object.keys(file).filter((key) => !Object.hasOwn(shape, key));
  const problems = unknown.map((key) => `--config: unknown setting ${JSON.stringify(key)}`);
  const settings: Record<string, unknown> = {};
  const wrong = new Set<string>();
  for (const [key, type] of Object.entries(shape)) {
    const value = flags[key] ?? asList(type, fromEnvironment(io, key, type) ?? file[key]);
    const result = z.safeParse(type, value);
    if (result.success) {
      if (result.data !== undefined) settings[key] = result.data;
    } else if (value === undefined) problems.push(`${flagOf(key)}: is required`);
    else {
      wrong.add(key);
      problems.push(...result.error.issues.map(({ message }) => `${flagOf(key)}: ${message}`));
    }
  }
  // What is missing here because it is wrong was reported above.
  const isNew = (problem: string): boolean =>
    !problems.some((each) => each.split(":", 1)[0] === problem.split(":", 1)[0]);
  problems.push(...crossCheck(settings as Partial<Settings<Shape>>, wrong).filter(isNew));
  if (problems.length > 0) throw new UsageError(problems.join("; "));
  return settings as Settings<Shape>;
}

/** Collects a flag that may be given several times. */
export function repeatable(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

/** `dsServer` -> `--ds-server`. */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function fromEnvironment(io: Io, key: string, type: unknown): unknown {
  const text = io.env[`SIP_PUSH_${key.replace(/[A-Z]/g, "_$&").toUpperCase()}`];
  if (text === undefined || text === "") return undefined;
  return isKind(type, z.ZodBoolean) ? text !== "0" && text !== "false" : text;
}

function asList(type: unknown, value: unknown): unknown {
  return typeof value === "string" && isKind(type, z.ZodArray) ? value.trim().split(/\s+/) : value;
}

/** Looks through `optional()` and `default()`. */
function isKind(type: unknown, kind: typeof z.ZodArray | typeof z.ZodBoolean): boolean {
  if (type instanceof z.ZodOptional || type instanceof z.ZodDefault) return isKind(type.unwrap(), kind);
  return type instanceof kind;
}

async function readJsonFile(io: Io, path: string): Promise<Record<string, unknown>> {
  const value = parseJson("--config", await readInput(io, "--config", path));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new UsageError("--config: the file must hold one JSON object");
}

/** JSON out of a file. @throws {UsageError} naming the flag that named the file. */
export function parseJson(flag: string, octets: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(octets));
  } catch (error) {
    throw new UsageError(`${flag}: not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** The flags that every command with settings has. */
export function addOutputFlags(command: Command, json: string): Command {
  return command
    .optionsGroup("Options:")
    .option("--config <file>", "JSON file with these settings")
    .option("--json", json);
}
