import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type RunningProcess, startProcess } from "../support/process.ts";
import type { LoadPlan, LoadResult } from "./pap-load.ts";

const inHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const cli = inHere("../../packages/cli/bin/sip-push.mjs");
const START_MS = 30_000;
const LOAD_LIMIT_MS = 300_000;
const initiator = { name: "calendar", password: "secret" } as const;
export const basicAuthorization = `Basic ${btoa(`${initiator.name}:${initiator.password}`)}`;

/** Handsets in one process; requests come to it directly, without a proxy between. */
export interface Fleet {
  readonly process: RunningProcess;
  readonly port: number;
}

export async function startFleet(handsets: number, folder: string): Promise<Fleet> {
  const args = ["fleet", "--count", String(handsets), "--aor", "sip:handset{n}@example.test", "--no-register"];
  const process = startCli(
    [...args, "--listen", "tcp:127.0.0.1:0", "--trusted-hop", "127.0.0.1", "--app", "*", "--json"],
    folder,
  );
  const [, port] = await process.waitForOutput(/"event":"listening".*?127\.0\.0\.1:(\d+)/, START_MS);
  return { process, port: Number(port) };
}

export interface Ppg {
  readonly process: RunningProcess;
  readonly pid: number;
  readonly papUrl: string;
  /** Deliveries that ended as delivered so far. */
  delivered(): Promise<number>;
}

/** A gateway as an operator runs it: `sip-push ppg` with all that is on by default. */
export async function startPpg(options: {
  readonly folder: string;
  readonly database: string;
  readonly proxyPort: number;
}): Promise<Ppg> {
  const config = join(options.folder, "ppg.yaml");
  await writeFile(
    config,
    `name: bench
dataDirectory: ./data
database: ${options.database}
domain: ppg.example.test
http: { listen: "http://127.0.0.1:0" }
operation: "http://127.0.0.1:0"
initiators:
  - name: ${initiator.name}
    password: { env: BENCH_PASSWORD }
    recipients: ["sip:*@example.test"]
    applications: ["*"]
addresses: { USER: "sip:{value}@example.test" }
sip:
  from: sip:ppg@example.test
  proxy: "sip:127.0.0.1:${options.proxyPort};transport=tcp"
  listen: ["tcp:127.0.0.1:0"]
  register: false
`,
  );
  const process = startProcess({
    command: globalThis.process.execPath,
    args: [cli, "ppg", "--config", config, "--json"],
    cwd: options.folder,
    env: { BENCH_PASSWORD: initiator.password },
    // A line for each push: to a file, as a service logs.
    stderrFile: join(options.folder, "ppg.log"),
  });
  const [line] = await process.waitForOutput(/\{"event":"listening".*\}/, START_MS);
  const { pap, operation } = JSON.parse(line) as { pap: string; operation: string };
  const { pid } = process;
  if (pid === undefined) throw process.failure("has no process id");
  const delivered = async (): Promise<number> => {
    const text = await (await fetch(`${operation}/metrics`)).text();
    return Number(/^ppg_deliveries_finished_total\{[^}]*state="delivered"[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
  };
  return { process, pid, papUrl: pap, delivered };
}

/** Runs a load to its end, in a process of its own. */
export async function load(plan: LoadPlan, folder: string): Promise<LoadResult> {
  const args = [inHere("pap-load.ts"), JSON.stringify(plan)];
  const process = startProcess({ command: globalThis.process.execPath, args, cwd: folder });
  const { code } = await process.waitForExit(LOAD_LIMIT_MS);
  if (code !== 0) throw process.failure("failed");
  const result = JSON.parse(process.stdout) as LoadResult;
  if (result.refused > 0) throw new Error(`${result.refused} pushes were refused: ${result.firstRefusal}`);
  return result;
}

function startCli(args: readonly string[], cwd: string): RunningProcess {
  return startProcess({ command: process.execPath, args: [cli, ...args], cwd });
}
