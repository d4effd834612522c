import { writeFile } from "node:fs/promises";
import { join } from "node:path";
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
  /** Take the ports of a Kamailio that was stopped: a registrar that comes back, having forgotten everything. */
  readonly successorOf?: Pick<Kamailio, "udpPort" | "wsPort">;
}

/** A Kamailio on a loopback address, with ports of its own, serving the domain example.test. */
export interface Kamailio {
  /** The address as it stands in a URI: 127.0.0.1 or [::1]. */
  readonly address: string;
  readonly udpPort: number;
  /** Same number as `udpPort`, as RFC 3261 section 18.1.1 wants it for the switch to TCP. */
  readonly tcpPort: number;
  readonly wsPort: number;
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
  const defines = [
    "LOOPBACK_ONLY",
    ...(options.users ? ["WITH_AUTH", `AUTH_ALGORITHM="${options.algorithm ?? "MD5"}"`] : []),
    ...(options.finalResponseTimerMs === undefined ? [] : [`FR_TIMER_MS=${options.finalResponseTimerMs}`]),
    ...(options.minExpiresSeconds === undefined ? [] : [`MIN_EXPIRES_S=${options.minExpiresSeconds}`]),
    ...(options.trustedPeers === undefined ? [] : [`TRUSTED_PEERS=${options.trustedPeers}`]),
  ];
  const args = [
    ...["-DD", "-E", "-f", kamailioConfigPath, "-m", "32", "-M", "4", "-Y", folder.path, "-w", folder.path],
    ...["-l", `udp:${address}:${sip.port}`, "-l", `tcp:${address}:${sip.port}`, "-l", `tcp:${address}:${ws.port}`],
    `--substdef=!USERS_FILE!${usersFile}!`,
    ...defines.flatMap((define) => ["-A", define]),
  ];
  await Promise.all([sip.release(), ws.release()]);
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
  return { address, udpPort: sip.port, tcpPort: sip.port, wsPort: ws.port, process, stop };
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
