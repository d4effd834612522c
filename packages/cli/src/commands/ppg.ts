import { dirname } from "node:path";
import { consoleDirectory } from "@sip-push/console";
import {
  ConfigError,
  type ConfigProblem,
  describeProblem,
  folderProblem,
  Gateway,
  GatewayError,
  hashPassword,
  type PpgConfig,
  readPpgConfig,
} from "@sip-push/ppg";
import { type Logger, serializeListenAddress } from "@sip-push/sip";
import { readInput } from "../input-files.ts";
import { exitCodes, type Io, printJson, UsageError, untilStopped } from "../io.ts";
import { openLog } from "../line-log.ts";
import type { Register } from "../run.ts";
import { printable } from "../text.ts";

interface PpgFlags {
  readonly config?: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

export const ppgCommand: Register = (command, io, finish) => {
  command
    .option("--config <file>", "YAML file with its settings; docker/ppg/ppg.yaml is a commented one")
    .option("--check", "only read it: say all that is wrong with it, or what it amounts to")
    .option("--json", "one JSON object per event on standard output")
    .addHelpText(
      "after",
      `
Simple settings may also come from the environment: SIP_PUSH_HTTP_LISTEN for http.listen. Logs are JSON lines on standard
error, from the level of log (or SIP_PUSH_LOG) on. SIGTERM and Ctrl-C end it when what is under way has ended, within
shutdownSeconds; a second one at once. SIGHUP makes it read the file again: push initiators and the certificates of HTTP.

Examples:
  sip-push ppg --config ppg.yaml --check
  sip-push ppg --config ppg.yaml

Exit code: 0 ended as asked, 1 the database does not answer, 2 bad configuration, or an address that cannot be listened on.`,
    )
    .action(async (flags: PpgFlags) => finish(await ppg(io, flags)));
  command
    .command("hash-password")
    .description("read a password from standard input, print what the configuration has in its place")
    .addHelpText(
      "after",
      `
Example:
  sip-push ppg hash-password      # type it, Enter, Ctrl-D; then  password: { scrypt: "…" }`,
    )
    .action(async () => void io.stdout.write(`${await hashPassword(await readPassword(io))}\n`));
};

async function ppg(io: Io, { config: flag, check = false, json = false }: PpgFlags): Promise<number> {
  const path = flag ?? io.env["SIP_PUSH_CONFIG"] ?? "";
  if (path === "") throw new UsageError("--config: is required");
  const config = await readConfigFile(io, path).catch((error: unknown) => {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  });
  if (isProblems(config)) return sayProblems(io, path, config, check && json);
  if (!check) return run(io, config, json, () => readConfigFile(io, path));
  if (json) printJson(io, { ok: true, ...summaryOf(config) });
  else io.stdout.write(`${printable(`${path}: ok: ${summaryText(config)}`)}\n`);
  return exitCodes.done;
}

function isProblems(value: PpgConfig | readonly ConfigProblem[]): value is readonly ConfigProblem[] {
  return Array.isArray(value);
}

async function readConfigFile(io: Io, path: string): Promise<PpgConfig> {
  const text = new TextDecoder().decode(await readInput(io, "--config", path));
  const directory = path === "-" ? "." : dirname(path);
  return readPpgConfig(text, { env: io.env, readFile: (file) => io.readFile(file), directory, folderProblem });
}

/** One line each: a person mends them one by one. */
function sayProblems(io: Io, path: string, problems: readonly ConfigProblem[], json: boolean): number {
  if (json) printJson(io, { ok: false, problems });
  else {
    for (const problem of problems) io.stderr.write(`sip-push: ${printable(`${path}: ${describeProblem(problem)}`)}\n`);
  }
  return exitCodes.badInput;
}

async function run(io: Io, config: PpgConfig, json: boolean, readAgain: () => Promise<PpgConfig>): Promise<number> {
  const log = openLog(io, { level: config.log, base: { node: config.name } });
  try {
    const gateway = await Gateway.open(config, {
      ...{ logger: log.logger, consoleDirectory, signal: io.stop },
      deliveryThread: true,
    });
    let reloaded = Promise.resolve();
    io.onHangup?.(() => {
      reloaded = reloaded.then(() => reload(gateway, log.logger, readAgain));
    });
    announce(io, gateway, json);
    await untilStopped(io);
    await gateway.close();
    return exitCodes.done;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    // Told to stop while it waited for its database.
    if (io.stop.aborted) return exitCodes.done;
    if (error.code !== "GATEWAY_STORE") throw new UsageError(error.message, { cause: error });
    io.stderr.write(`sip-push: ${printable(error.message)}\n`);
    return exitCodes.notDelivered;
  } finally {
    log.flush();
  }
}

/** What is wrong with the file is logged, and nothing of it is taken. Never rejects. */
async function reload(gateway: Gateway, logger: Logger, readAgain: () => Promise<PpgConfig>): Promise<void> {
  try {
    gateway.reload(await readAgain());
    logger.info({}, "configuration read again: push initiators, certificates of HTTP");
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems.map(describeProblem) : [String(error)];
    for (const problem of problems) logger.error({ problem }, "configuration not taken; all stays as it is");
  }
}

function announce(io: Io, gateway: Gateway, json: boolean): void {
  const { pap, console, operation } = gateway;
  const sip = gateway.sip.map(serializeListenAddress);
  if (json) {
    const [first = null] = pap;
    printJson(io, { event: "listening", pap: first, papUrls: pap, console: console[0] ?? null, operation, sip });
    return;
  }
  const parts = [
    `PAP at ${pap.join(", ")}`,
    ...(console.length === 0 ? [] : [`console at ${console[0]}`]),
    ...(operation === null ? [] : [`health and metrics at ${operation}`]),
    `SIP on ${sip.join(", ")}`,
  ];
  io.stdout.write(`${printable(parts.join("; "))}; Ctrl-C ends it\n`);
}

/** What a configuration amounts to. */
function summaryOf(config: PpgConfig): Readonly<Record<string, unknown>> {
  const { name, database, domains, http, initiators, sip, console, operation } = config;
  return {
    name,
    database: database.kind,
    domains,
    http: http.listen.map(({ secure, host, port }) => `${secure ? "https" : "http"}://${inUrl(host)}:${port}`),
    initiators: initiators.map((initiator) => initiator.name),
    sip: sip.listen.map(serializeListenAddress),
    consoleUsers: (console?.users ?? []).map((user) => user.name),
    operation: operation !== null,
  };
}

function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function summaryText(config: PpgConfig): string {
  const { http, sip, initiators } = summaryOf(config) as Record<"http" | "sip" | "initiators", readonly string[]>;
  const { name, database, console } = config;
  const people = console === null ? "no console" : `console for ${console.users.map((user) => user.name).join(", ")}`;
  return `${name} on ${database.kind}, HTTP ${http.join(", ")}, SIP ${sip.join(", ")}, push initiators ${initiators.join(", ")}, ${people}`;
}

async function readPassword(io: Io): Promise<string> {
  const password = new TextDecoder().decode(await readInput(io, "<standard input>", "-")).replace(/\r?\n$/, "");
  if (password === "") throw new UsageError("<standard input>: is empty; type the password");
  return password;
}
