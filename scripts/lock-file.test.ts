import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

interface LockEntry {
  readonly version?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const path = resolve(import.meta.dirname, "../package-lock.json");
const { packages } = JSON.parse(readFileSync(path, "utf8")) as { packages: Record<string, LockEntry> };
const entries = Object.entries(packages);

test("package-lock.json names no registry: whichever one npm is set to serves the packages", () => {
  const hosts = entries.filter(([, { link, resolved }]) => resolved !== undefined && link !== true);
  expect(hosts).toEqual([]);
});

test("package-lock.json pins a version of every package", () => {
  const unpinned = entries.filter(([, { link, version }]) => link !== true && version === undefined);
  expect(unpinned.map(([name]) => name)).toEqual([]);
  expect(entries.length).toBeGreaterThan(50);
});

test("package-lock.json has the binaries of every platform, so that npm ci takes it anywhere (else: npm run lock)", () => {
  const wanted = entries.flatMap(([, { optionalDependencies }]) => Object.keys(optionalDependencies ?? {}));
  expect(wanted.filter((name) => packages[`node_modules/${name}`] === undefined)).toEqual([]);
});
