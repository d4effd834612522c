import pg from "pg";
import type { z } from "zod";
import { textOrSecret } from "./secrets.ts";
import { type ConfigWorld, fileProblems } from "./world.ts";

/** `sqlite`, or where PostgreSQL is. */
export function database(world: ConfigWorld): z.ZodType<string> {
  return textOrSecret(world).superRefine((text, context) => {
    const problem = text === "sqlite" ? undefined : urlProblem(text);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
}

/** Never repeats the URL, which may hold a password. */
function urlProblem(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) {
    return "must be sqlite or postgres://user:password@host/database";
  }
  if (url.pathname.length < 2) return "the URL names no database: postgres://user:password@host/database";
  try {
    // Reads the URL as it will be read, with the files that it names; connects to nothing.
    void new pg.Client(text);
    return undefined;
  } catch (error) {
    const { code = "", path } = error as NodeJS.ErrnoException;
    if (path !== undefined) return `the URL names ${path}: ${fileProblems[code] ?? code}`;
    return "the URL cannot be read; write what is special in a password as %xx";
  }
}
