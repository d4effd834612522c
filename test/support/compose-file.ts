import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

/** A service of a compose file, as far as ours use it. */
export interface ComposeService {
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  /** Names, or addresses by name; null: whatever address Docker gives. */
  readonly networks: readonly string[] | Readonly<Record<string, { readonly ipv4_address: string } | null>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly profiles?: readonly string[];
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly networks: Readonly<Record<string, { readonly ipam?: { config: readonly { subnet: string }[] } }>>;
  readonly volumes: Readonly<Record<string, object>>;
}

/** The file of the project. */
export const composePath: string = fileURLToPath(new URL("../../docker/compose.yaml", import.meta.url));

/** Anchors merged and variables put in, as Docker Compose does it; nothing is checked. */
export function readCompose(
  env: Readonly<Record<string, string>> = {},
  text: string = readFileSync(composePath, "utf8"),
): ComposeFile {
  return interpolated(parse(text, { merge: true }), env) as ComposeFile;
}

export function serviceOf({ services }: ComposeFile, name: string): ComposeService {
  const service = services[name];
  if (service === undefined) throw new Error(`${composePath} has no service ${name}`);
  return service;
}

/** The address of a service in a network; empty: it has none of its own there. */
export function addressOf({ networks }: ComposeService, network = "core"): string {
  return Array.isArray(networks) ? "" : ((networks as ComposeAddresses)[network]?.ipv4_address ?? "");
}

type ComposeAddresses = Exclude<ComposeService["networks"], readonly string[]>;

/** The names of the networks that a service is in. */
export function networksOf({ networks }: ComposeService): readonly string[] {
  return Array.isArray(networks) ? (networks as readonly string[]) : Object.keys(networks);
}

/** `NAME` or `NAME:-default` in `${…}`. */
function interpolated(value: unknown, env: Readonly<Record<string, string>>): unknown {
  if (typeof value === "string") {
    return value.replaceAll(/\$\{(\w+)(?::-([^}]*))?\}/g, (_all, name: string, otherwise: string | undefined) => {
      const text = env[name] || otherwise;
      if (text === undefined) throw new Error(`the environment has no ${name}`);
      return text;
    });
  }
  if (Array.isArray(value)) return value.map((each) => interpolated(each, env));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, interpolated(each, env)]));
}
