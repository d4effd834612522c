import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type ProcessOptions, type RunningProcess, startProcess } from "../support/process.ts";

const binary = fileURLToPath(new URL("../../packages/cli/bin/sip-push.mjs", import.meta.url));
const built = fileURLToPath(new URL("../../packages/cli/dist/main.js", import.meta.url));

/** A line of JSON output. */
export type Line = Readonly<Record<string, unknown>>;

/** Starts `sip-push` as a person does, to run until it is stopped. */
export function startCli(...args: readonly string[]): RunningProcess {
  return startCliWith({}, ...args);
}

/** The same, with more in its environment. */
export function startCliWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): RunningProcess {
  return start({ args, env });
}

function start({ args, ...options }: Omit<ProcessOptions, "command">): RunningProcess {
  if (!existsSync(built)) throw new Error("packages/cli is not built: npm run build");
  return startProcess({ command: process.execPath, args: [binary, ...args], ...options });
}

/** How a command that was run to its end came out. */
export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs `sip-push` to its end, with `input` on its standard input. */
export async function runCli(args: readonly string[], input: string | Uint8Array = ""): Promise<Ended> {
  const running = start({ args, input });
  const { code: exitCode } = await running.exited;
  // Output is collected octet by octet.
  const [stdout, stderr] = [running.stdout, running.stderr].map((text) => Buffer.from(text, "latin1"));
  return { exitCode, stdout: stdout ?? Buffer.of(), stderr: stderr?.toString("utf8") ?? "" };
}

/** Everything that was printed so far, which has to be lines of JSON and nothing else. */
export function linesOf(output: string | Buffer): Line[] {
  // Output of a running process is collected octet by octet.
  const text = typeof output === "string" ? Buffer.from(output, "latin1").toString("utf8") : output.toString("utf8");
  return text.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Line]));
}

/** The first line whose event is `event` and, when given, whose AoR is `aor`; waits for it. */
export async function eventOf(running: RunningProcess, event: string, aor = ""): Promise<Line> {
  const pattern = new RegExp(`^\\{"event":"${event}"${aor === "" ? "" : `,"aor":"${aor}"`}.*\\}\\n`, "m");
  const [line] = await running.waitForOutput(pattern);
  return linesOf(line)[0] as Line;
}

/** A running `sip-push proxy`. */
export interface ProxyProcess {
  readonly process: RunningProcess;
  /** URI for one of its transports, in the order of `listen`. */
  readonly uris: readonly string[];
  /** The first of them. */
  readonly uri: string;
}

/** Starts a proxy for example.test on free ports, such as `udp:127.0.0.1`. */
export async function startProxy(listen: readonly string[], ...flags: readonly string[]): Promise<ProxyProcess> {
  const addresses = listen.flatMap((address) => ["--listen", `${address}:0`]);
  const running = startCli("proxy", "--json", ...addresses, ...flags);
  const { addresses: bound } = await eventOf(running, "listening");
  const uris = (bound as string[]).map(uriOf);
  return { process: running, uris, uri: uris[0] ?? "" };
}

export function startUdpProxy(...flags: readonly string[]): Promise<ProxyProcess> {
  return startProxy(["udp:127.0.0.1"], ...flags);
}

/** `tcp:[::1]:5060` -> `sip:[::1]:5060;transport=tcp` */
function uriOf(address: string): string {
  const [transport = ""] = address.split(":", 1);
  const hostPort = address.slice(transport.length + 1);
  return transport === "udp" ? `sip:${hostPort}` : `sip:${hostPort};transport=${transport}`;
}

/** Starts a handset and waits until it is registered. */
export async function startReceiver(user: string, proxy: string, ...flags: readonly string[]): Promise<RunningProcess> {
  const running = startCli("receive", "--aor", `sip:${user}@example.test`, "--proxy", proxy, "--json", ...flags);
  await eventOf(running, "registered");
  return running;
}

/** Runs `sip-push send --json`. */
export async function send(
  proxy: string,
  to: readonly string[],
  ...flags: readonly string[]
): Promise<Ended & { readonly lines: readonly Line[] }> {
  const ended = await runCli(["send", "--json", "--proxy", proxy, ...to.flatMap((uri) => ["--to", uri]), ...flags]);
  return { ...ended, lines: linesOf(ended.stdout) };
}

/**
 * For what ends after Ctrl-C, or when it has nothing more to do. The contract gives it a second, of which a busy machine makes some
 * more; what waited for an answer that does not come would take 64*T1, 32 s.
 */
export const END_MS = 20_000;

/** The flags of a DS notification that anybody takes. */
export const dsFlags: readonly string[] = [
  "--ds-server",
  "ds.example.test",
  "--ds-sync",
  "two-way:./contacts:text/x-vcard",
];
