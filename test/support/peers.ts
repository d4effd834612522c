import { accessSync, constants, globSync } from "node:fs";
import { delimiter, join } from "node:path";

export type PeerName =
  | "chromium"
  | "docker-compose"
  | "kamailio"
  | "kannel"
  | "openssl"
  | "postgresql"
  | "prometheus"
  | "sipp"
  | "sipsak";

interface Peer {
  /** Debian packages. */
  readonly packages: string;
  /** Name of the program, when it is not the peer's. */
  readonly program?: string;
  /** Files besides the program, each as a glob in every place it may be; one match of each is enough. */
  readonly alsoNeeds: readonly string[];
}

const moduleFolders =
  "{/usr/lib/*/kamailio/modules,/usr/lib/kamailio/modules,/usr/lib64/kamailio/modules,/usr/local/lib*/kamailio/modules}";

const peers: Readonly<Record<PeerName, Peer>> = {
  chromium: { packages: "chromium", alsoNeeds: [] },
  "docker-compose": { packages: "docker-compose", alsoNeeds: [] },
  kamailio: {
    packages:
      "kamailio kamailio-websocket-modules kamailio-outbound-modules kamailio-presence-modules kamailio-tls-modules",
    alsoNeeds: ["websocket", "outbound", "presence_xml", "pua_reginfo", "tls"].map(
      (module) => `${moduleFolders}/${module}.so`,
    ),
  },
  // The PPG is the wapbox, which gets nowhere without a bearerbox.
  kannel: { packages: "kannel", program: "bearerbox", alsoNeeds: ["{/usr/sbin,/usr/local/sbin}/wapbox"] },
  openssl: { packages: "openssl", alsoNeeds: [] },
  postgresql: { packages: "postgresql", program: "postgres", alsoNeeds: [] },
  prometheus: { packages: "prometheus", alsoNeeds: ["{/usr/bin,/usr/local/bin}/promtool"] },
  sipp: { packages: "sip-tester", alsoNeeds: [] },
  sipsak: { packages: "sipsak", alsoNeeds: [] },
};

// Daemons live in sbin, which is not in every user's PATH; PostgreSQL in a folder of its version.
const folders = [
  ...(process.env["PATH"] ?? "").split(delimiter),
  "/usr/sbin",
  "/usr/local/sbin",
  ...globSync("/usr/lib/postgresql/*/bin"),
];

/** Full path of a peer's program; undefined when it, or a module that our configuration loads, is not installed. */
export function findPeer(name: PeerName): string | undefined {
  if (!peers[name].alsoNeeds.every((pattern) => globSync(pattern).length > 0)) return undefined;
  return folders.map((folder) => join(folder, peers[name].program ?? name)).find(isExecutable);
}

/** Full path of a peer's program. Throws with the install line when there is none. */
export function requirePeer(name: PeerName): string {
  const path = findPeer(name);
  if (path === undefined) throw new Error(`${name} is not installed: ${installLine([name])}`);
  return path;
}

/** What a person types to get these peers. */
export function installLine(names: readonly PeerName[]): string {
  return `apt-get install ${names.map((name) => peers[name].packages).join(" ")}`;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
