import { existsSync } from "node:fs";
import { BlockList } from "node:net";
import { resolve } from "node:path";
import { addressOf, type ComposeFile, type ComposeService, networksOf } from "./compose-file.ts";

/** What is wrong with a value, each with where it stands. */
type Check = (value: unknown, path: string) => string[];

const matching =
  (pattern: RegExp): Check =>
  (value, path) =>
    typeof value === "string" && pattern.test(value) ? [] : [`${path}: ${JSON.stringify(value)} is not ${pattern}`];

const listOf =
  (item: Check): Check =>
  (value, path) =>
    Array.isArray(value)
      ? value.flatMap((each, index) => item(each, `${path}[${index}]`))
      : [`${path}: must be a list, not ${JSON.stringify(value)}`];

const mapOf =
  (item: Check): Check =>
  (value, path) =>
    isMapping(value)
      ? Object.entries(value).flatMap(([key, each]) => item(each, `${path}.${key}`))
      : [`${path}: must be a mapping, not ${JSON.stringify(value)}`];

/** Keys that are not in `shape` are problems; those with a ? need not be there. */
const mapping =
  (shape: Readonly<Record<string, Check>>): Check =>
  (value, path) => {
    if (!isMapping(value)) return [`${path}: must be a mapping, not ${JSON.stringify(value)}`];
    const checks = new Map(Object.entries(shape).map(([key, check]) => [key.replace("?", ""), check]));
    const missing = Object.keys(shape).filter((key) => !key.endsWith("?") && !(key in value));
    return [
      ...missing.map((key) => `${path}.${key}: is missing`),
      ...Object.entries(value).flatMap(([key, each]) => {
        const check = checks.get(key);
        return check === undefined ? [`${path}.${key}: is no such key`] : check(each, `${path}.${key}`);
      }),
    ];
  };

const either =
  (first: Check, second: Check): Check =>
  (value, path) => {
    const problems = first(value, path);
    return problems.length === 0 || second(value, path).length === 0 ? [] : problems;
  };

const nothing: Check = (value, path) => (value === null ? [] : [`${path}: must be empty`]);
const text = matching(/^/);
const duration = matching(/^\d+(?:ms|s|m|h)$/);
const name = matching(/^[a-z][a-z0-9-]*$/);

/** What the compose specification has, of what our file may use. Values that YAML would take for numbers must be quoted. */
const service = mapping({
  "build?": mapping({ context: text, dockerfile: text }),
  // A pinned tag: not "latest", which is what no tag means.
  image: matching(/^[a-z0-9./-]+:(?!latest$)[\w.-]+$/),
  "command?": listOf(text),
  "environment?": mapOf(text),
  // For this machine only.
  "ports?": listOf(matching(/^127\.0\.0\.1:\d+:\d+\/(?:tcp|udp)$/)),
  "volumes?": listOf(matching(/^(?:\.{1,2}\/[^:]+:\/[^:]+:ro|[a-z]+:\/[^:]+)$/)),
  networks: either(listOf(name), mapOf(either(nothing, mapping({ ipv4_address: text })))),
  "depends_on?": mapOf(mapping({ condition: matching(/^service_(?:started|healthy|completed_successfully)$/) })),
  "healthcheck?": mapping({
    test: (value, path) => [...listOf(text)(value, path), ...matching(/^CMD$/)((value as unknown[])[0], `${path}[0]`)],
    interval: duration,
    timeout: duration,
    retries: (value, path) => (Number.isSafeInteger(value) ? [] : [`${path}: must be a whole number`]),
    start_period: duration,
  }),
  "restart?": matching(/^(?:no|always|on-failure|unless-stopped)$/),
  "profiles?": listOf(name),
  "stop_grace_period?": duration,
});

const file = mapping({
  name,
  services: mapOf(service),
  networks: mapOf(mapping({ "ipam?": mapping({ config: listOf(mapping({ subnet: text })) }) })),
  volumes: mapOf(mapping({})),
});

/** All that is wrong with a compose file: keys, the form of values, and what it refers to in itself and in `folder`. */
export function composeProblems(compose: ComposeFile, folder: string): string[] {
  const known = Object.fromEntries(Object.entries(compose).filter(([key]) => !key.startsWith("x-")));
  const problems = file(known, "compose");
  // What has not the right form cannot be followed.
  return problems.length > 0 ? problems : [...references(compose, folder), ...doubles(compose)];
}

function references(compose: ComposeFile, folder: string): string[] {
  const isThere = (path: string): boolean => existsSync(resolve(folder, path));
  return Object.entries(compose.services).flatMap(([from, each]) => {
    const { build, volumes = [], depends_on: needs = {}, profiles = [] } = each;
    const sources = volumes.map((volume) => volume.split(":")[0] ?? "");
    const rules: ReadonlyArray<readonly [holds: boolean, problem: string]> = [
      [build === undefined || isThere(`${build.context}/${build.dockerfile}`), `no ${build?.dockerfile}`],
      ...sources.map(
        (source) => [source.startsWith(".") ? isThere(source) : source in compose.volumes, `no ${source}`] as const,
      ),
      ...networksOf(each).map((network) => [network in compose.networks, `no network ${network}`] as const),
      ...networksOf(each).map((network) => [isInside(compose, each, network), `is outside ${network}`] as const),
      ...Object.entries(needs).flatMap(([other, { condition }]) => {
        const needed = compose.services[other];
        return [
          [needed !== undefined, `no service ${other}`],
          [condition !== "service_healthy" || needed?.healthcheck !== undefined, `${other} has no health check`],
          [profiles.length > 0 || needed?.profiles === undefined, `${other} is not started with it`],
          [!waitsFor(compose, other, from), `${other} waits for it in turn`],
        ] as const;
      }),
    ];
    return rules.filter(([holds]) => !holds).map(([, problem]) => `${from}: ${problem}`);
  });
}

function waitsFor({ services }: ComposeFile, from: string, to: string, seen = new Set<string>()): boolean {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return Object.keys(services[from]?.depends_on ?? {}).some((next) =>
    waitsFor({ services } as ComposeFile, next, to, seen),
  );
}

/** Whether its address, if it has one of its own, is one of the network. */
function isInside({ networks }: ComposeFile, each: ComposeService, network: string): boolean {
  const address = addressOf(each, network);
  if (address === "") return true;
  const [prefix = "", length] = (networks[network]?.ipam?.config[0]?.subnet ?? "").split("/");
  const inside = new BlockList();
  if (prefix !== "") inside.addSubnet(prefix, Number(length));
  return inside.check(address);
}

/** What two services cannot both have. */
function doubles({ services }: ComposeFile): string[] {
  const taken = Object.values(services).flatMap((each) => [
    ...networksOf(each).map((network) => addressOf(each, network)),
    ...(each.ports ?? []).map((port) => port.replace(/:\d+\//, "/")),
  ]);
  const twice = taken.filter((each, index) => each !== "" && taken.indexOf(each) < index);
  return twice.map((each) => `${each}: is there twice`);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
