import { resolve } from "node:path";
import { bearers, networks } from "@sip-push/pap";
import { z } from "zod";
import { addressRules } from "./address-rules.ts";
import { crossRules } from "./cross-checks.ts";
import { database } from "./database-setting.ts";
import { withEnvironment } from "./environment.ts";
import { describeIssue, listOf, oneOf, section, someOf, textCheckedBy, wholeNumber } from "./fields.ts";
import { httpAddress, httpSection } from "./http-section.ts";
import { consoleUser, initiatorSection } from "./initiator-section.ts";
import { sipSection } from "./sip-section.ts";
import { checkedTogether } from "./together.ts";
import { ConfigError, type ConfigProblem, logLevels, type PpgConfig } from "./types.ts";
import { deliverySection, papSection, resultsSection, retentionSection } from "./work-sections.ts";
import { type ConfigWorld, SettingProblem } from "./world.ts";
import { pathText, YamlSource } from "./yaml-source.ts";

const DOMAIN = /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i;

const nodeName = textCheckedBy((text) => {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(text)) throw new SettingProblem("must be 1 to 64 letters, digits, ., _ or -");
});

const domainName = textCheckedBy((text) => {
  if (!DOMAIN.test(text)) throw new SettingProblem(`${JSON.stringify(text)} is no domain name`);
});

const pathName = textCheckedBy((path) => {
  if (/\p{Cc}/u.test(path)) throw new SettingProblem("is no path");
});

/** What all settings are read by. */
function settingsType(world: ConfigWorld) {
  const settings = section({
    name: nodeName.default("ppg"),
    dataDirectory: pathName.default("./data"),
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
  });
  return checkedTogether(settings, (right) => crossRules(right, world));
}

type Settings = z.output<ReturnType<typeof settingsType>>;

/**
 * Reads a configuration, all that it refers to included. Environment over file; all problems at once.
 *
 * @param text YAML 1.2.
 * @throws {ConfigError}
 */
export async function readPpgConfig(text: string, world: ConfigWorld): Promise<PpgConfig> {
  const source = new YamlSource(text);
  if (source.value === undefined) throw new ConfigError(source.problems);
  const { value, variables } = withEnvironment(source.value ?? {}, world.env);
  const at = ([path, problem]: Problem): ConfigProblem => {
    const variable = variableFor(path, variables);
    return { path: pathText(path), line: variable === null ? source.lineOf(path) : null, variable, problem };
  };
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new ConfigError([at([[], "must be settings, such as `name: ppg-1`"])]);
  }
  // `results:` with nothing but comments below is as good as none.
  const given = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, each ?? undefined]));
  const { data, error } = await settingsType(world).safeParseAsync(given, { error: describeIssue });
  const problems = [...source.problems, ...(error?.issues ?? []).flatMap(problemsOf).map(at)];
  if (problems.length > 0) throw new ConfigError(problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
  return configOf(data as Settings, world);
}

/** A setting and what is wrong with it. */
type Problem = readonly [path: readonly PropertyKey[], problem: string];

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  if (issue.code !== "unrecognized_keys") return [[issue.path, issue.message]];
  const messages = issue.message.split("\n");
  return issue.keys.map((each, index) => [[...issue.path, each], messages[index] ?? issue.message]);
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
