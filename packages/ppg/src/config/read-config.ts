import { resolve } from "node:path";
import { bearers, networks } from "@sip-push/pap";
import { z } from "zod";
import { AddressResolver } from "../intake/address-resolver.ts";
import { crossProblems, type Problem } from "./cross-checks.ts";
import { withEnvironment } from "./environment.ts";
import { describeIssue, listOf, oneOf, section, someOf, textCheckedBy, unknownSetting, wholeNumber } from "./fields.ts";
import { httpAddress, httpSection } from "./http-section.ts";
import { consoleUser, initiatorSection } from "./initiator-section.ts";
import { textOrSecret } from "./secrets.ts";
import { sipSection } from "./sip-section.ts";
import { ConfigError, type ConfigProblem, logLevels, type PpgConfig } from "./types.ts";
import { deliverySection, papSection, resultsSection, retentionSection } from "./work-sections.ts";
import { type ConfigWorld, isFile, SettingProblem } from "./world.ts";
import { pathText, YamlSource } from "./yaml-source.ts";

const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

const nodeName = textCheckedBy((text) => {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) throw new SettingProblem("must be 1 to 64 letters, digits, ., _ or -");
});

const domainName = textCheckedBy((text) => {
  if (!DOMAIN.test(text)) throw new SettingProblem(`${JSON.stringify(text)} is no domain name`);
});

/** `sqlite`, or where PostgreSQL is. */
function database(world: ConfigWorld): z.ZodType<string> {
  return textOrSecret(world).superRefine((text, context) => {
    if (text === "sqlite") return;
    const url = URL.parse(text);
    // The text may hold a password.
    if (url === null || !/^postgres(?:ql)?:$/.test(url.protocol)) {
      context.addIssue({ code: "custom", message: "must be sqlite or postgres://user:password@host/database" });
    } else if (url.pathname.length < 2) {
      context.addIssue({
        code: "custom",
        message: "the URL names no database: postgres://user:password@host/database",
      });
    }
  });
}

function directoryName(world: ConfigWorld): z.ZodType<string> {
  return textCheckedBy(async (path) => {
    if (/\p{Cc}/u.test(path)) throw new SettingProblem("is no path");
    if (await isFile(world, path)) throw new SettingProblem(`${path}: is a file, not a folder`);
  });
}

/** Each rule by itself, so that all of them are reported. */
const addressRules: z.ZodType<Record<string, string>> = z
  .record(z.string(), z.string())
  .superRefine((rules, context) => {
    for (const [type, rule] of Object.entries(rules)) {
      try {
        void new AddressResolver(["localhost"], { [type]: rule });
      } catch (error) {
        const message = error instanceof Error ? error.message.replace(/^addressRules\.\S+ /, "") : String(error);
        context.addIssue({ code: "custom", path: [type], message });
      }
    }
  });

/** What every setting at the top is read by. */
function settingsOf(world: ConfigWorld) {
  return {
    name: nodeName.default("ppg"),
    dataDirectory: directoryName(world).default("./data"),
    database: database(world).default("sqlite"),
    databaseConnections: wholeNumber(1, 1_000).default(8),
    databaseWaitSeconds: wholeNumber(0, 86_400).default(60),
    domain: someOf(domainName, "domain"),
    http: httpSection(world),
    pap: papSection.prefault({}),
    initiators: someOf(initiatorSection(world), "push initiator"),
    addresses: addressRules.default({}),
    networks: listOf(oneOf(networks)).default([]),
    bearers: listOf(oneOf(bearers)).default([]),
    sip: sipSection(world),
    delivery: deliverySection.prefault({}),
    results: resultsSection(world).prefault({}),
    retention: retentionSection.prefault({}),
    operation: httpAddress.optional(),
    shutdownSeconds: wholeNumber(0, 3_600).default(20),
    log: oneOf(logLevels).default("info"),
    console: section({ users: someOf(consoleUser(world), "user") }).optional(),
  };
}

type Settings = z.output<z.ZodObject<ReturnType<typeof settingsOf>>>;

/**
 * Reads a configuration, all that it refers to included. Environment over file; all problems at once.
 *
 * @param text YAML 1.2.
 * @throws {ConfigError}
 */
export async function readPpgConfig(text: string, world: ConfigWorld): Promise<PpgConfig> {
  const source = new YamlSource(text);
  if (source.problems.length > 0) throw new ConfigError(source.problems);
  const { value, variables } = withEnvironment(source.value ?? {}, world.env);
  const at = (path: readonly PropertyKey[], problem: string): ConfigProblem => {
    const variable = variableFor(path, variables);
    return { path: pathText(path), line: variable === null ? source.lineOf(path) : null, variable, problem };
  };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError([at([], "must be settings, such as `name: ppg-1`")]);
  }
  const { settings, problems } = await readSettings(value as Record<string, unknown>, world);
  const all = [...problems, ...crossProblems(settings)].map(([path, problem]) => at(path, problem));
  if (all.length > 0) throw new ConfigError(all.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  return configOf(settings as Settings, world);
}

/** Each setting by itself, so that those that are right can be checked against each other when one is wrong. */
async function readSettings(
  value: Readonly<Record<string, unknown>>,
  world: ConfigWorld,
): Promise<{ settings: Partial<Settings>; problems: Problem[] }> {
  const types: Readonly<Record<string, z.ZodType>> = settingsOf(world);
  const known = Object.keys(types);
  const problems: Problem[] = Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => [[key], unknownSetting(key, known)]);
  const settings: Record<string, unknown> = {};
  const read = Object.entries(types).map(async ([key, type]) => {
    return [key, await type.safeParseAsync(value[key] ?? undefined, { error: describeIssue })] as const;
  });
  for (const [key, result] of await Promise.all(read)) {
    if (result.success) settings[key] = result.data;
    else problems.push(...result.error.issues.flatMap((issue) => problemsOf(issue, key)));
  }
  return { settings, problems };
}

function problemsOf(issue: z.core.$ZodIssue, key: string): Problem[] {
  const path = [key, ...issue.path];
  if (issue.code !== "unrecognized_keys") return [[path, issue.message]];
  const messages = issue.message.split("\n");
  return issue.keys.map((each, index) => [[...path, each], messages[index] ?? issue.message]);
}

/** The variable that gave a setting, or what holds it. */
function variableFor(path: readonly PropertyKey[], variables: ReadonlyMap<string, string>): string | null {
  for (let length = path.length; length > 0; length--) {
    const variable = variables.get(path.slice(0, length).join("."));
    if (variable !== undefined) return variable;
  }
  return null;
}

function configOf(settings: Settings, { directory }: ConfigWorld): PpgConfig {
  const { database: url, databaseConnections, domain, operation, console, dataDirectory, ...rest } = settings;
  return {
    ...rest,
    dataDirectory: resolve(directory, dataDirectory),
    database: url === "sqlite" ? { kind: "sqlite" } : { kind: "postgres", url, maxConnections: databaseConnections },
    domains: domain,
    operation: operation ?? null,
    console: console ?? null,
  };
}
