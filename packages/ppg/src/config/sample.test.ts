import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { environmentVariables } from "./environment.ts";
import { readPpgConfig } from "./read-config.ts";
import type { PpgConfig } from "./types.ts";

const read = (path: string): Buffer => readFileSync(new URL(`../../../${path}`, import.meta.url));
const sample = read("../docker/ppg/ppg.yaml").toString("utf8");
/** The comments that are settings. */
const everything = sample.replace(/^( *)# ((?: {2})*[A-Za-z]+:(?: |$))/gm, "$1$2");

const env = { CALENDAR_PASSWORD: "a", CONSOLE_PASSWORD: "b", PPG_PASSWORD: "c" };
const certificates = "sip/src/transport/testdata";

/** Whatever file the sample names. */
async function readFile(path: string): Promise<Uint8Array> {
  if (path.endsWith("data")) throw Object.assign(new Error("none"), { code: "ENOENT" });
  if (/key(?:\.pem)?$/.test(path)) return read(`${certificates}/server.key`);
  if (path.endsWith("pem")) return read(`${certificates}/server.crt`);
  return new TextEncoder().encode("secret\n");
}

const config = (text: string): Promise<PpgConfig> => readPpgConfig(text, { env, readFile, directory: "/etc/ppg" });

/** Where a setting stands: all keys of a YAML text. */
const keysOf = (text: string): ReadonlySet<string> =>
  new Set([...text.matchAll(/(?:^|[{,]|- ) *([A-Za-z]+):(?= |$)/gm)].map(([, key = ""]) => key));

/** Where a word, a number or a list of them stands. */
function simplePathsOf(settings: unknown, path: readonly string[] = []): string[] {
  if (typeof settings !== "object" || settings === null || Array.isArray(settings)) return [path.join(".")];
  return Object.entries(settings).flatMap(([key, value]) => simplePathsOf(value, [...path, key]));
}

describe("the sample docker/ppg/ppg.yaml", () => {
  it("is right as it ships", async () => {
    expect(await config(sample)).toMatchObject({
      name: "ppg-1",
      database: { kind: "sqlite" },
      initiators: [{ name: "calendar" }],
      console: { users: [{ name: "calendar" }] },
      operation: { host: "127.0.0.1", port: 8071 },
    });
  });

  it("is right with all its examples, and has the defaults right", async () => {
    expect(everything).toContain("\nshutdownSeconds: 20");
    const [all, shipped] = await Promise.all([config(everything), config(sample)]);
    const { delivery, results, retention, pap, shutdownSeconds, log, databaseWaitSeconds } = shipped;
    expect(all).toMatchObject({ delivery, results: { ...results, ca: expect.any(String) }, retention, pap });
    expect(all).toMatchObject({ shutdownSeconds, log, databaseWaitSeconds });
    const { maxBodyBytes, maxConcurrent, path, allowPlain } = shipped.http;
    expect(all.http).toMatchObject({ maxBodyBytes, maxConcurrent, path, allowPlain });
    const { role, maxInFlight, subscriptions, capabilities, acceptContact, allowOverlap } = shipped.sip;
    expect(all.sip).toMatchObject({ role, maxInFlight, subscriptions, capabilities, acceptContact, allowOverlap });
  });

  it("has no simple setting that the environment may not give", () => {
    // Names of bearers have blanks, which part lists; the others have structure.
    const inFileOnly = /^(?:bearers|initiators|addresses|console|sip\.credentials|\w+\.(?:retry|breaker))\b/;
    const paths = simplePathsOf(parse(everything)).filter((path) => !inFileOnly.test(path));
    expect(paths.filter((path) => !Object.hasOwn(environmentVariables, path))).toEqual([]);
    expect(paths.length).toBeGreaterThan(40);
  });

  it("shows every setting that the environment may give", () => {
    const keys = keysOf(everything);
    for (const path of Object.keys(environmentVariables)) {
      const key = path.split(".").at(-1) ?? "";
      expect([...keys], path).toContain(key);
    }
  });
});
