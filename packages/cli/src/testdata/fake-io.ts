import type { Io } from "../io.ts";
import { run } from "../run.ts";

/** What a command did to the world. */
export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Octets that it wrote to standard output. */
  readonly octets: Uint8Array;
}

export interface World {
  /** Files by path; "-" is standard input. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly stop?: AbortSignal;
  readonly onHangup?: Io["onHangup"];
  /** Hears of what is written to standard error as it comes. */
  readonly onLog?: (text: string) => void;
  /** Hears of every line on standard output as it comes. */
  readonly onLine?: (line: string) => void;
}

/** Runs the command line in this process, in a world of its own. */
export async function runCli(args: readonly string[], world: World = {}): Promise<Ran> {
  const written: { stdout: string; stderr: string; octets: Uint8Array } = {
    stdout: "",
    stderr: "",
    octets: new Uint8Array(),
  };
  const io: Io = {
    stdout: {
      write(text) {
        written.stdout += text;
        for (const line of text.split("\n")) if (line !== "") world.onLine?.(line);
      },
    },
    stderr: {
      write(text) {
        written.stderr += text;
        world.onLog?.(text);
      },
    },
    env: world.env ?? {},
    stop: world.stop ?? new AbortController().signal,
    ...(world.onHangup !== undefined && { onHangup: world.onHangup }),
    readFile: (path) => readFile(world, path),
    writeOctets: (octets) => {
      written.octets = octets;
    },
  };
  const exitCode = await run(args, io);
  return { exitCode, ...written };
}

async function readFile({ files = {} }: World, path: string): Promise<Uint8Array> {
  const content = files[path];
  if (content === undefined)
    throw Object.assign(new Error(`ENOENT: no such file or directory, open '${path}'`), { code: "ENOENT" });
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}
