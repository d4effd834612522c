import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import * as notification from "./index.ts";

it("README.md's example runs as written and prints what it says", () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const example = /```ts\nimport \* as n from "@sip-push\/notification";\n(.*?)```/s.exec(readme)?.[1];
  if (example === undefined) throw new Error("README.md has no example");
  const printed: unknown[][] = [];
  // oxlint-disable-next-line typescript/no-implied-eval -- the text is our own README
  const run = new Function("n", "console", example) as (n: typeof notification, console: object) => void;
  run(notification, { log: (...values: unknown[]) => printed.push(values) });
  expect(printed).toEqual([["ds.example.test", "./contacts"], ["valid"]]);
});
