import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { type FakeSmsc, openFakeSmsc } from "./fake-smsc.ts";
import { reservePort } from "./free-port.ts";
import { requirePeer } from "./peers.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { makeTempFolder } from "./temp-folder.ts";

export interface KannelOptions {
  /** Push initiators, name -> password; one that is called calendar unless told. */
  readonly users?: Readonly<Record<string, string>>;
  /** The SMS centre only counts what comes: for load. */
  readonly countOnly?: boolean;
}

/** Kannel's PPG (wapbox) on a loopback port, with a bearerbox behind it and an SMS centre of ours behind that. */
export interface Kannel {
  /** Where it takes PAP. */
  readonly url: string;
  readonly credentials: { readonly user: string; readonly password: string };
  /** Gets what is pushed to phone numbers. */
  readonly smsc: FakeSmsc;
  readonly bearerbox: RunningProcess;
  readonly wapbox: RunningProcess;
  stop(): Promise<void>;
}

const host = "127.0.0.1";

/**
 * Starts Kannel and waits until its PPG listens.
 *
 * What it is known for (1.4.5): every answer to who is authenticated has HTTP status 202; there is no result notification,
 * status query, cancellation or capabilities query in it; an address that is no WAPPUSH address makes wapbox loop for ever.
 */
export async function startKannel(options: KannelOptions = {}): Promise<Kannel> {
  const { users = { calendar: "secret" }, countOnly = false } = options;
  const bearerboxPath = requirePeer("kannel");
  const folder = makeTempFolder("kannel");
  const ports = await Promise.all(["admin", "smsbox", "wapbox", "ppg", "smsc"].map(() => reservePort(host)));
  const [admin = 0, smsbox = 0, wapboxPort = 0, ppg = 0, smscPort = 0] = ports.map(({ port }) => port);
  const file = join(folder.path, "kannel.conf");
  await writeFile(file, configuration({ admin, smsbox, wapbox: wapboxPort, ppg, smsc: smscPort, users }));
  await Promise.all(ports.map((port) => port.release()));
  const args = ["-v", "3", file];
  const processes: RunningProcess[] = [];
  const closers: Array<() => void> = [];
  const stop = async (): Promise<void> => {
    for (const close of closers) close();
    // wapbox first: it ends by itself, and not well, when it loses its bearerbox.
    for (const process of processes.toReversed()) await process.stop();
    folder.remove();
  };
  try {
    const bearerbox = startProcess({ command: bearerboxPath, args, cwd: folder.path });
    processes.push(bearerbox);
    await listening(smscPort, bearerbox);
    const smsc = await openFakeSmsc(smscPort, host, countOnly);
    closers.push(() => smsc.close());
    const wapbox = startProcess({ command: join(dirname(bearerboxPath), "wapbox"), args, cwd: folder.path });
    processes.push(wapbox);
    await listening(ppg, wapbox);
    const [[user, password] = ["", ""]] = Object.entries(users);
    return { url: `http://${host}:${ppg}/wappush`, credentials: { user, password }, smsc, bearerbox, wapbox, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Plan extends Required<Pick<KannelOptions, "users">> {
  readonly admin: number;
  readonly smsbox: number;
  readonly wapbox: number;
  readonly ppg: number;
  readonly smsc: number;
}

/** No `ppg-deny-ip`: it makes the PPG panic. Nor `wdp-interface-name`: its UDP ports are fixed ones. */
function configuration({ admin, smsbox, wapbox, ppg, smsc, users }: Plan): string {
  const groups: ReadonlyArray<readonly [name: string, fields: Readonly<Record<string, string | number>>]> = [
    [
      "core",
      {
        "admin-port": admin,
        "admin-password": "none",
        "admin-allow-ip": host,
        "admin-deny-ip": "*.*.*.*",
        "smsbox-port": smsbox,
        "wapbox-port": wapbox,
        "box-allow-ip": host,
        "box-deny-ip": "*.*.*.*",
      },
    ],
    ["wapbox", { "bearerbox-host": host }],
    ["smsbox", { "bearerbox-host": host }],
    ["smsc", { smsc: "fake", "smsc-id": "FAKE", port: smsc, "connect-allow-ip": host }],
    [
      "ppg",
      {
        "ppg-url": "/wappush",
        "ppg-port": ppg,
        "concurrent-pushes": 100,
        "trusted-pi": "false",
        "service-name": "ppg",
      },
    ],
    ...Object.entries(users).map(
      ([name, password]) =>
        [
          "wap-push-user",
          { "wap-push-user": name, "ppg-username": name, "ppg-password": password, "allow-ip": host },
        ] as const,
    ),
  ];
  const group = (name: string, fields: Readonly<Record<string, string | number>>): string =>
    [`group = ${name}`, ...Object.entries(fields).map(([field, value]) => `${field} = "${value}"`), ""].join("\n");
  return groups.map(([name, fields]) => group(name, fields)).join("\n");
}

const INTERVAL_MS = 25;
const TIMEOUT_MS = 10_000;

/** Waits until somebody listens on a TCP port: neither box says so. */
async function listening(port: number, process: RunningProcess): Promise<void> {
  const deadlineMs = performance.now() + TIMEOUT_MS;
  while (!(await isListening(port))) {
    if (process.exit !== undefined || performance.now() > deadlineMs) throw process.failure("did not start");
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}

function isListening(port: number): Promise<boolean> {
  const socket = connect(port, host);
  return new Promise((resolve) => {
    const done = (is: boolean) => (): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once("connect", done(true)).once("error", done(false));
  });
}
