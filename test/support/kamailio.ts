import { cp, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ReservedPort, reservePort } from "./free-port.ts";
import { requirePeer } from "./peers.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { waitForSipAnswer } from "./sip-ping.ts";
import { makeTempFolder } from "./temp-folder.ts";

/** The configuration that docker/compose.yaml uses too. */
export const kamailioConfigPath: string = fileURLToPath(new URL("../../docker/kamailio/kamailio.cfg", import.meta.url));

export interface KamailioOptions {
  /** Loopback address to listen on; 127.0.0.1 unless told. */
  readonly host?: "127.0.0.1" | "::1";
  /** User name -> password. REGISTER then asks for digest credentials; without it anyone may register. */
  readonly users?: Readonly<Record<string, string>>;
  /** Digest algorithm with `users`; "MD5" unless told. */
  readonly algorithm?: "MD5" | "SHA-256";
  /** How long Kamailio waits for a handset's final response; 30000 unless told. */
  readonly finalResponseTimerMs?: number;
  /** Shortest registration that is accepted; 10 unless told. */
  readonly minExpiresSeconds?: number;
  /** Network in CIDR whose P-Asserted-Identity passes; 127.0.0.0/8 unless told. */
  readonly trustedPeers?: string;
  /** The "reg" event package (RFC 3680); off unless told. */
  readonly regEvents?: boolean;
  /** Where requests to sip:push@example.test go, and every SUBSCRIBE to oma-push. Without it "push" must register. */
  readonly pushSender?: string;
  /** Service-Route, P-Associated-URI, P-Asserted-Identity of who registered, P-Charging-Vector; off unless told. */
  readonly ims?: boolean;
  /** URI of an application server: it gets third-party REGISTERs (TS 24.229 5.4.1.7). */
  readonly applicationServer?: string;
  /** Folder with server.pem, server-key.pem and ca.pem, for a TLS listener; `mutual` asks clients for a certificate. */
  readonly tls?: { readonly folder: string; readonly mutual?: boolean };
  /** Take the ports of a Kamailio that was stopped: a registrar that comes back, having forgotten everything. */
  readonly successorOf?: Pick<Kamailio, "udpPort" | "wsPort" | "tlsPort">;
}

/** A Kamailio on a loopback address, with ports of its own, serving the domain example.test. */
export interface Kamailio {
  /** The address as it stands in a URI: 127.0.0.1 or [::1]. */
  readonly address: string;
  readonly udpPort: number;
  /** Same number as `udpPort`, as RFC 3261 section 18.1.1 wants it for the switch to TCP. */
  readonly tcpPort: number;
  readonly wsPort: number;
  /** Nobody listens there without `tls`. */
  readonly tlsPort: number;
  readonly process: RunningProcess;
  stop(): Promise<void>;
}

/** Starts Kamailio with docker/kamailio/kamailio.cfg and waits until it answers. */
export async function startKamailio(options: KamailioOptions = {}): Promise<Kamailio> {
  const command = requirePeer("kamailio");
  const folder = makeTempFolder("kamailio");
  const usersFile = join(folder.path, "users.cfg");
  await writeFile(usersFile, usersConfig(options.users ?? {}));
  const { host = "127.0.0.1", successorOf: before } = options;
  const address = host.includes(":") ? `[${host}]` : host;
  const sip = before ? heldPort(before.udpPort) : await reservePort(host);
  const ws = before ? heldPort(before.wsPort) : await reservePort(host);
  const tls = before ? heldPort(before.tlsPort) : await reservePort(host);
  const coreUri = `sip:${address}:${sip.port}`;
  // pua keeps a table in files, and writes them.
  if (options.regEvents) await cp(join(dirname(kamailioConfigPath), "dbtext"), join(folder.path, "db"), copyAll);
  const args = [
    ...["-DD", "-E", "-f", kamailioConfigPath, "-m", "32", "-M", "4", "-Y", folder.path, "-w", folder.path],
    ...["-l", `udp:${address}:${sip.port}`, "-l", `tcp:${address}:${sip.port}`, "-l", `tcp:${address}:${ws.port}`],
    ...(options.tls ? ["-l", `tls:${address}:${tls.port}`, `--substdef=!TLS_FOLDER!${options.tls.folder}!`] : []),
    `--substdef=!USERS_FILE!${usersFile}!`,
    ...switches(options, coreUri, folder.path).flatMap((define) => ["-A", define]),
  ];
  await Promise.all([sip.release(), ws.release(), tls.release()]);
  const process = startProcess({ command, args, cwd: folder.path });
  const stop = async (): Promise<void> => {
    await process.stop();
    folder.remove();
  };
  if (!(await waitForSipAnswer({ host, port: sip.port, givenUp: process.exited }))) {
    const failure = process.failure("did not start");
    await stop();
    throw failure;
  }
  return { address, udpPort: sip.port, tcpPort: sip.port, wsPort: ws.port, tlsPort: tls.port, process, stop };
}

const copyAll = { recursive: true } as const;

/** The -A switches, as the head of kamailio.cfg explains them. */
function switches(options: KamailioOptions, coreUri: string, folder: string): string[] {
  const text = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [`${name}="${value}"`];
  const word = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [`${name}=${value}`];
  const flag = (name: string, on: boolean | undefined): string[] => (on ? [name] : []);
  return [
    "LOOPBACK_ONLY",
    ...flag("WITH_AUTH", options.users !== undefined),
    ...text("AUTH_ALGORITHM", options.algorithm),
    ...word("FR_TIMER_MS", options.finalResponseTimerMs),
    ...word("MIN_EXPIRES_S", options.minExpiresSeconds),
    ...word("TRUSTED_PEERS", options.trustedPeers),
    ...text("CORE_URI", options.regEvents ? coreUri : undefined),
    ...text("DB_URL", options.regEvents ? `text://${folder}/db` : undefined),
    ...text("PUSH_SENDER", options.pushSender),
    ...flag("WITH_IMS", options.ims),
    ...text("APPLICATION_SERVER", options.applicationServer),
    ...flag("WITH_TLS", options.tls !== undefined),
    ...flag("TLS_MUTUAL", options.tls?.mutual),
  ];
}

function heldPort(port: number): ReservedPort {
  return { port, release: () => Promise.resolve() };
}

function usersConfig(users: Readonly<Record<string, string>>): string {
  const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
  return Object.entries(users)
    .map(([name, password]) => `$sht(password=>${name}) = ${quoted(password)};\n`)
    .join("");
}
