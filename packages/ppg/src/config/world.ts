import { access, constants, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** What a configuration refers to besides its own text: tests pass their own. */
export interface ConfigWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whole content of a file; rejects with the system's error. */
  readonly readFile: (path: string) => Promise<Uint8Array>;
  /** Where relative paths start: the folder of the configuration file. */
  readonly directory: string;
  /** {@link folderProblem} of this machine. Default: folders are not looked at, as the configuration is for another machine. */
  readonly folderProblem?: (path: string) => Promise<string | undefined>;
}

/** What is wrong with a setting, in words that follow its name. */
export class SettingProblem extends Error {
  override readonly name = "SettingProblem";
}

/** What the system says of a file that cannot be read, for people. */
export const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
};

/** The same of a folder that cannot be written to. */
const folderProblems: Readonly<Record<string, string>> = {
  ENOTDIR: "is in a file, not in a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "can only be read",
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

async function readOctets({ readFile, directory }: ConfigWorld, path: string): Promise<Uint8Array> {
  try {
    return await readFile(resolve(directory, path));
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new SettingProblem(`${path}: ${fileProblems[code] ?? message}`, { cause: error });
  }
}

/** Where files cannot be made, and why: in a folder, or in the one that it is to be made in. Undefined: they can. */
export async function folderProblem(path: string): Promise<string | undefined> {
  try {
    if (!(await stat(path)).isDirectory()) return `${path}: is a file, not a folder`;
    await access(path, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && dirname(path) !== path) return folderProblem(dirname(path));
    return `${path}: ${folderProblems[code] ?? message}`;
  }
}
