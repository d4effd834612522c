import { resolve } from "node:path";

/** What a configuration refers to besides its own text: tests pass their own. */
export interface ConfigWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whole content of a file; rejects with the system's error. */
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** Where relative paths start: the folder of the configuration file. */
  readonly directory: string;
}

/** What is wrong with a setting, in words that follow its name. */
export class SettingProblem extends Error {
  override readonly name = "SettingProblem";
}

/** What the system says of a file that cannot be read, for people. */
const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
};

/** A file as text. @throws {SettingProblem} */
export async function readText(world: ConfigWorld, path: string): Promise<string> {
  const octets = await readOctets(world, path);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(octets);
  } catch (error) {
    throw new SettingProblem(`${path}: is no text in UTF-8`, { cause: error });
  }
}

/** What a variable of the environment holds. @throws {SettingProblem} when it is not set. */
export function readVariable({ env }: ConfigWorld, name: string): string {
  const text = env[name];
  if (text === undefined || text === "") throw new SettingProblem(`the environment has no ${name}`);
  return text;
}

/** Whether there is a file, and not a folder, at this path. */
export async function isFile(world: ConfigWorld, path: string): Promise<boolean> {
  return readOctets(world, path).then(
    () => true,
    () => false,
  );
}

async function readOctets({ readFile, directory }: ConfigWorld, path: string): Promise<Uint8Array> {
  try {
    return await readFile(resolve(directory, path));
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new SettingProblem(`${path}: ${fileProblems[code] ?? message}`, { cause: error });
  }
}
