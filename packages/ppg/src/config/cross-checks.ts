import { resolve } from "node:path";
import { clashRules, type Listening } from "./clashes.ts";
import type { Right, Rule } from "./together.ts";
import type { ConsoleUser, HttpAddress, HttpTls, InitiatorConfig } from "./types.ts";
import type { ConfigWorld } from "./world.ts";

/** The settings that are checked against each other. */
export type CheckedSettings = Right<{
  readonly initiators: readonly InitiatorConfig[];
  readonly console?: { readonly users: readonly ConsoleUser[] };
  readonly http: { readonly tls: HttpTls | null };
  readonly operation?: HttpAddress;
  readonly database: string;
  readonly dataDirectory: string;
}> &
  Listening;

/** What lies in how the sections go together. */
export async function crossRules(settings: CheckedSettings, world: ConfigWorld): Promise<Rule[]> {
  const { initiators = [], console, http, operation } = settings;
  const tls = http?.tls ?? null;
  return [
    ...initiators.map(
      (initiator, index): Rule => [
        (initiator?.certificates ?? []).length > 0 && (tls?.clientCa ?? null) === null,
        ["initiators", index, "certificates"],
        "needs http.tls.clientCa: nobody is asked for a certificate",
        ["http", "tls", "clientCa"],
      ],
    ),
    [operation?.secure === true && tls === null, ["operation"], "https needs http.tls", ["http", "tls"]],
    ...clashRules(settings),
    ...repeated(initiators, (index) => ["initiators", index, "name"]),
    ...repeated(console?.users ?? [], (index) => ["console", "users", index, "name"]),
    ...shared(initiators, "tokens", "is a token of another initiator, too"),
    ...shared(initiators, "certificates", "is a certificate of another initiator, too"),
    ...(await dataRules(settings, world)),
  ];
}

/** Only SQLite needs the folder. */
async function dataRules({ database, dataDirectory }: CheckedSettings, world: ConfigWorld): Promise<Rule[]> {
  if (database !== "sqlite" || dataDirectory === undefined) return [];
  const problem = await world.folderProblem?.(resolve(world.directory, dataDirectory));
  return [[problem !== undefined, ["dataDirectory"], problem ?? ""]];
}

function repeated(
  named: readonly ({ readonly name?: string | undefined } | undefined)[],
  path: (index: number) => readonly PropertyKey[],
): Rule[] {
  const names = named.map((each) => each?.name);
  return names.map((name, index) => [
    name !== undefined && names.indexOf(name) < index,
    path(index),
    `${JSON.stringify(name)} is there twice`,
  ]);
}

/** One may have two that are the same; two must not. */
function shared(
  initiators: readonly (Right<InitiatorConfig> | undefined)[],
  key: "tokens" | "certificates",
  problem: string,
): Rule[] {
  const owners = new Map<string, number>();
  return initiators.flatMap((initiator, index) =>
    (initiator?.[key] ?? []).map((value, place): Rule => {
      const text = JSON.stringify(value);
      const owner = value === undefined ? index : (owners.get(text) ?? index);
      owners.set(text, owner);
      return [owner !== index, ["initiators", index, key, place], problem];
    }),
  );
}
