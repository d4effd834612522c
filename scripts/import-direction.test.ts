import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const use = (specifier: string): string => `import * as used from "${specifier}";\nexport const it: object = used;`;

interface Sample {
  readonly title: string;
  readonly folder: string;
  readonly source: string;
  /** The rule that refuses it. */
  readonly rule: string | undefined;
  readonly test?: boolean;
}

const restricted = "eslint(no-restricted-imports)";
const upOrSideways: readonly Sample[] = [
  { title: "sip -> push", folder: "packages/sip/src", source: use("@sip-push/push"), rule: restricted },
  { title: "re-export", folder: "packages/sip/src", source: `export * from "@sip-push/push";`, rule: restricted },
  {
    title: "type",
    folder: "packages/sip/src",
    source: `export type { Outcome } from "@sip-push/push";`,
    rule: restricted,
  },
  {
    title: "dynamic",
    folder: "packages/sip/src",
    source: `export const it: object = import("@sip-push/push");`,
    rule: restricted,
  },
  {
    title: "a test of sip -> push",
    folder: "packages/sip/src",
    source: use("@sip-push/push"),
    rule: restricted,
    test: true,
  },
  { title: "notification -> sip", folder: "packages/notification/src", source: use("@sip-push/sip"), rule: restricted },
  { title: "push -> sender", folder: "packages/push/src", source: use("@sip-push/sender"), rule: restricted },
  { title: "sender -> receiver", folder: "packages/sender/src", source: use("@sip-push/receiver"), rule: restricted },
  { title: "receiver -> sender", folder: "packages/receiver/src", source: use("@sip-push/sender"), rule: restricted },
  { title: "proxy -> push", folder: "packages/proxy/src", source: use("@sip-push/push"), rule: restricted },
  { title: "a package without a row", folder: "packages/new-one/src", source: use("@sip-push/sip"), rule: restricted },
  {
    title: "another's sources",
    folder: "packages/sender/src",
    source: use("@sip-push/sip/src/a.ts"),
    rule: restricted,
  },
  { title: "another's path", folder: "packages/sender/src", source: use("../../sip/src/index.ts"), rule: restricted },
  {
    title: "sip/testing in a product",
    folder: "packages/sender/src",
    source: use("@sip-push/sip/testing"),
    rule: restricted,
  },
  {
    title: "dist in a test",
    folder: "test/e2e",
    source: use("@sip-push/sip/dist/index.js"),
    rule: restricted,
    test: true,
  },
  {
    title: "a path in a test",
    folder: "test/e2e",
    source: use("../../packages/sip/src/index.ts"),
    rule: restricted,
    test: true,
  },
  {
    title: "notification -> node:crypto",
    folder: "packages/notification/src",
    source: use("node:crypto"),
    rule: restricted,
  },
  { title: "push -> node:dgram", folder: "packages/push/src", source: use("node:dgram"), rule: restricted },
];

const down: readonly Sample[] = [
  { title: "push -> sip", folder: "packages/push/src", source: use("@sip-push/sip"), rule: undefined },
  { title: "sender -> push", folder: "packages/sender/src", source: use("@sip-push/push"), rule: undefined },
  { title: "proxy -> sip", folder: "packages/proxy/src", source: use("@sip-push/sip"), rule: undefined },
  { title: "cli -> receiver", folder: "packages/cli/src", source: use("@sip-push/receiver"), rule: undefined },
  {
    title: "sip/testing",
    folder: "packages/sender/src",
    source: use("@sip-push/sip/testing"),
    rule: undefined,
    test: true,
  },
  {
    title: "node:fs in a test",
    folder: "packages/notification/src",
    source: use("node:fs"),
    rule: undefined,
    test: true,
  },
  { title: "all in e2e", folder: "test/e2e", source: use("@sip-push/receiver"), rule: undefined, test: true },
];

const longFile = Array.from({ length: 401 }, (_, n) => `export const a${n} = ${n};`).join("\n");
const floating = "export const f = (p: Promise<void>): void => {\n  p;\n};";
const houseRules: readonly Sample[] = [
  {
    title: "console in a library",
    folder: "packages/sender/src",
    source: "console.log(1);",
    rule: "eslint(no-console)",
  },
  { title: "console in the command line", folder: "packages/cli/src", source: "console.log(1);", rule: undefined },
  {
    title: "fs without node:",
    folder: "packages/sender/src",
    source: use("fs"),
    rule: "unicorn(prefer-node-protocol)",
  },
  { title: "401 lines of code", folder: "packages/sender/src", source: longFile, rule: "eslint(max-lines)" },
  {
    title: "a promise left floating",
    folder: "packages/sip/src",
    source: floating,
    rule: "typescript(no-floating-promises)",
  },
];

const samples = [...upOrSideways, ...down, ...houseRules];
const fileOf = (sample: Sample): string =>
  `${sample.folder}/sample-${samples.indexOf(sample)}${sample.test ? ".test" : ""}.ts`;
const root = resolve(import.meta.dirname, "..");
const found = new Map<string, string[]>();
let workspace = "";

/** One run of oxlint, with the project's own configuration, over a copy of the layout that holds the samples. */
beforeAll(async () => {
  workspace = await mkdtemp(join(tmpdir(), "sip-push-lint-"));
  await symlink(join(root, "node_modules"), join(workspace, "node_modules"), "junction");
  await cp(join(root, "oxlint.config.ts"), join(workspace, "oxlint.config.ts"));
  await writeFile(join(workspace, "package.json"), `{ "type": "module" }`);
  for (const sample of samples) {
    const path = join(workspace, fileOf(sample));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, `${sample.source}\n`);
  }
  const oxlint = [join(root, "node_modules/oxlint/bin/oxlint"), "--type-aware", "--format=json"];
  const run = promisify(execFile)(process.execPath, oxlint, { cwd: workspace, maxBuffer: 1 << 26 });
  const output = await run.catch((error: { stdout: string }) => error);
  const { diagnostics } = JSON.parse(output.stdout) as { diagnostics: { code: string; filename: string }[] };
  for (const { code, filename } of diagnostics) found.set(filename, [...(found.get(filename) ?? []), code]);
});

afterAll(() => rm(workspace, { recursive: true, force: true }));

describe.each([
  ["refuses an import that points up, sideways or inside", upOrSideways],
  ["allows an import that points down", down],
  ["holds the house rules", houseRules],
] as const)("lint %s", (_title, rows) => {
  test.each(rows)("$title ($folder)", (sample) => {
    const codes = found.get(fileOf(sample)) ?? [];
    if (sample.rule === undefined) expect(codes).toEqual([]);
    else expect(codes).toContain(sample.rule);
  });
});
