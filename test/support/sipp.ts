import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { reserveMediaPort, reservePort } from "./free-port.ts";
import { requirePeer } from "./peers.ts";
import { type RunningProcess, startProcess } from "./process.ts";
import { waitForTcpPort, waitForUdpPort } from "./sip-ping.ts";
import { makeTempFolder } from "./temp-folder.ts";

/** A file in test/interop/scenarios. */
export type SippScenario =
  | "bench-receiver"
  | "bench-sender"
  | "imdn-receiver"
  | "message-receiver"
  | "message-receiver-choosy"
  | "message-receiver-late"
  | "message-receiver-silent"
  | "message-sender"
  | "oma-push-notifier"
  | "oma-push-notifier-hasty"
  | "oma-push-subscriber"
  | "publish-agent"
  | "refer-receiver"
  | "refer-sender"
  | "register"
  | "register-aka";

export interface SippOptions {
  readonly scenario: SippScenario;
  readonly transport: "udp" | "tcp";
  /** Where a scenario sends requests to, on 127.0.0.1, unless within a dialog. */
  readonly remotePort?: number;
  /** SIPp ends by itself after this many calls; 1 unless told. */
  readonly calls?: number;
  /** Values for [name] in the scenario. */
  readonly keywords?: Readonly<Record<string, string>>;
  /** Values for the global variables of the scenario: its numbers. */
  readonly variables?: Readonly<Record<string, number>>;
  /** Status and reason that a receiver answers with; "200 OK" unless told. */
  readonly answer?: string;
  /** One more header field of that answer. */
  readonly answerHeader?: string;
  /** The octets of body.bin, which message-sender sends. */
  readonly body?: Uint8Array;
  /** Answers requests outside the calls of `scenario`: a receiver that registers first. */
  readonly outOfCall?: SippScenario;
  /** Further arguments, such as -s, -au, -ap, -d, -r, -l, -nr. */
  readonly args?: readonly string[];
}

/** What a scenario counted for one of its messages, named as SIPp does: "0_MESSAGE", "1_200". */
export interface SippMessageCounts {
  /** Sent or received, without repetitions. */
  readonly count: number;
  readonly retransmissions: number;
  readonly unexpected: number;
}

export interface SippResult {
  /** 0: every call went as the scenario says; 1: one did not. Null: ended by us. */
  readonly exitCode: number | null;
  readonly successfulCalls: number;
  readonly failedCalls: number;
  readonly messages: Readonly<Record<string, SippMessageCounts>>;
  /** What the scenario logged. */
  readonly log: string;
  /** What SIPp found wrong. */
  readonly errors: string;
}

export interface SippRun {
  readonly port: number;
  readonly process: RunningProcess;
  /** Waits until the calls are done and SIPp has ended by itself. */
  finish(timeoutMs?: number): Promise<SippResult>;
  /** Ends SIPp now; the counts are those so far. */
  stop(): Promise<SippResult>;
}

const scenarioFolder = fileURLToPath(new URL("../interop/scenarios/", import.meta.url));

/** Starts SIPp on 127.0.0.1 with a port of its own; a receiver is listening when this settles. */
export async function startSipp(options: SippOptions): Promise<SippRun> {
  const command = requirePeer("sipp");
  const folder = makeTempFolder("sipp");
  const inFolder = (name: string): string => join(folder.path, name);
  const scenario = await writeScenario(options.scenario, options.answer, folder.path);
  const [firstStep] = /<(?:recv|send)\b/.exec(await readFile(scenario, "utf8")) ?? [];
  const outOfCall = options.outOfCall && (await writeScenario(options.outOfCall, options.answer, folder.path));
  await writeFile(inFolder("body.bin"), options.body ?? new Uint8Array());
  // SIPp takes 5060, 6000 and 8888 unless told otherwise, so it is told all its ports.
  const [sip, media, control] = [await reservePort(), await reserveMediaPort(), await reservePort()];
  const keywords = { header: options.answerHeader ?? "Server: SIPp", ...options.keywords };
  const args = [
    ...(options.remotePort === undefined ? [] : [`127.0.0.1:${options.remotePort}`]),
    ...["-sf", scenario, "-t", options.transport === "udp" ? "u1" : "t1", "-m", String(options.calls ?? 1)],
    ...["-i", "127.0.0.1", "-bind_local", "-p", String(sip.port), "-mp", String(media.port)],
    ...["-ci", "127.0.0.1", "-cp", String(control.port), "-nostdin"],
    ...["-trace_stat", "-stf", inFolder("stat.csv"), "-trace_counts", "-trace_logs", "-log_file", inFolder("log.txt")],
    ...["-trace_err", "-error_file", inFolder("errors.txt")],
    ...(outOfCall === undefined ? [] : ["-oocsf", outOfCall]),
    ...Object.entries(keywords).flatMap(([name, value]) => ["-key", name, value]),
    ...Object.entries(options.variables ?? {}).flatMap(([name, value]) => ["-set", name, String(value)]),
    ...(options.args ?? []),
  ];
  await Promise.all([sip.release(), media.release(), control.release()]);
  const process = startProcess({ command, args, cwd: folder.path });
  if (firstStep === "<recv") {
    const listening = options.transport === "udp" ? waitForUdpPort : waitForTcpPort;
    if (!(await listening({ port: sip.port, givenUp: process.exited }))) throw process.failure("does not listen");
  }
  const result = async (exitCode: number | null): Promise<SippResult> => {
    const read = (name: string): Promise<string> => readFile(inFolder(name), "utf8").catch(() => "");
    const counts = await read(`${options.scenario}_${process.pid}_counts.csv`);
    const parsed = parseResult(await read("stat.csv"), counts);
    const [log, errors] = [await read("log.txt"), await read("errors.txt")];
    folder.remove();
    return { exitCode, ...parsed, log, errors };
  };
  let ended: Promise<SippResult> | undefined;
  return {
    port: sip.port,
    process,
    finish: (timeoutMs = 20_000) =>
      (ended ??= process
        .waitForExit(timeoutMs)
        .catch(async (late: unknown) => {
          await process.stop();
          throw late;
        })
        .then(({ code }) => result(code))),
    stop: () => (ended ??= process.stop().then(() => result(null))),
  };
}

/** A sender's whole run. */
export async function runSipp(options: SippOptions, timeoutMs?: number): Promise<SippResult> {
  return (await startSipp(options)).finish(timeoutMs);
}

/** SIPp reads the status of an answer from the scenario only, so another one needs another file. */
async function writeScenario(name: SippScenario, answer: string | undefined, folder: string): Promise<string> {
  const [source, target] = [join(scenarioFolder, `${name}.xml`), join(folder, `${name}.xml`)];
  if (answer === undefined) await copyFile(source, target);
  else await writeFile(target, (await readFile(source, "utf8")).replaceAll("SIP/2.0 200 OK", `SIP/2.0 ${answer}`));
  return target;
}

/** The last line of both CSV files holds the totals. */
function parseResult(stat: string, counts: string): Pick<SippResult, "successfulCalls" | "failedCalls" | "messages"> {
  const totals = lastRow(stat);
  const messages: Record<string, SippMessageCounts> = {};
  const counted = lastRow(counts);
  for (const [column, value] of counted) {
    const name = /^(\d+_.+)_(?:Recv|Sent)$/.exec(column)?.[1];
    if (name === undefined) continue;
    const of = (suffix: string): number => Number(counted.get(`${name}_${suffix}`) ?? 0);
    messages[name] = { count: Number(value), retransmissions: of("Retrans"), unexpected: of("Unexp") };
  }
  const total = (column: string): number => Number(totals.get(column) ?? 0);
  return { successfulCalls: total("SuccessfulCall(C)"), failedCalls: total("FailedCall(C)"), messages };
}

function lastRow(csv: string): Map<string, string> {
  const lines = csv.split("\n").filter((line) => line !== "");
  const [names, values] = [lines.at(0)?.split(";") ?? [], lines.at(-1)?.split(";") ?? []];
  return new Map(names.map((name, column) => [name, values[column] ?? ""]));
}
