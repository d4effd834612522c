import { isSamePlace } from "./http-section.ts";
import type { ConsoleUser, HttpAddress, InitiatorConfig, PpgConfig, SipConfig } from "./types.ts";

/** A setting and what is wrong with it. */
export type Problem = readonly [path: readonly PropertyKey[], problem: string];

/** The settings that are checked against each other; those that are wrong themselves are missing. */
export interface CheckedSettings {
  readonly initiators?: readonly InitiatorConfig[];
  readonly console?: { readonly users: readonly ConsoleUser[] } | undefined;
  readonly http?: PpgConfig["http"];
  readonly operation?: HttpAddress | undefined;
  readonly sip?: SipConfig;
}

/** What lies in how the settings go together. */
export function crossProblems({ initiators = [], console, http, operation, sip }: CheckedSettings): Problem[] {
  const hasTls = http === undefined || http.tls !== null;
  const hasClientCa = http === undefined || (http.tls?.clientCa ?? null) !== null;
  const withCertificate = initiators.findIndex(({ certificates }) => certificates.length > 0);
  const same = http?.listen.findIndex((address) => isSamePlace(address, operation)) ?? -1;
  const rules: ReadonlyArray<readonly [broken: boolean, ...problem: Problem]> = [
    [
      withCertificate >= 0 && !hasClientCa,
      ["initiators", withCertificate, "certificates"],
      "needs http.tls.clientCa: nobody is asked for a certificate",
    ],
    [same >= 0, ["operation"], `is http.listen[${same}]; leave it out, or take another port`],
    [operation?.secure === true && !hasTls, ["operation"], "https needs http.tls"],
    [sip?.register === true && sip.proxy === null, ["sip", "register"], "needs sip.proxy: where to register"],
  ];
  return [
    ...repeated(initiators, (index) => ["initiators", index, "name"]),
    ...repeated(console?.users ?? [], (index) => ["console", "users", index, "name"]),
    ...shared(initiators, "tokens", "is a token of another initiator, too"),
    ...shared(initiators, "certificates", "is a certificate of another initiator, too"),
    ...rules.filter(([broken]) => broken).map(([, path, problem]): Problem => [path, problem]),
  ];
}

function repeated(
  named: readonly { readonly name: string }[],
  path: (index: number) => readonly PropertyKey[],
): Problem[] {
  const names = named.map(({ name }) => name);
  return names.flatMap((name, index): Problem[] =>
    names.indexOf(name) < index ? [[path(index), `${JSON.stringify(name)} is there twice`]] : [],
  );
}

/** One may have two that are the same; two must not. */
function shared(initiators: readonly InitiatorConfig[], key: "tokens" | "certificates", problem: string): Problem[] {
  const owners = new Map<string, number>();
  return initiators.flatMap((initiator, index) =>
    initiator[key].flatMap((value, place): Problem[] => {
      const text = JSON.stringify(value);
      const owner = owners.get(text) ?? index;
      owners.set(text, owner);
      return owner === index ? [] : [[["initiators", index, key, place], problem]];
    }),
  );
}
