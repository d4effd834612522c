import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { naming } from "./failures.ts";
import { exitCodes, type Io, UsageError } from "./io.ts";

/** Gives a command its flags and its action, which calls `finish` with the exit code unless that is 0. */
export type Register = (command: Command, io: Io, finish: (exitCode: number) => void) => void;

/** The commands, in the order of the help. Each is loaded when it is wanted: some bring a whole gateway along. */
const commands: Readonly<Record<string, readonly [description: string, load: () => Promise<Register>]>> = {
  demo: [
    "all of it in one process: a push initiator, a gateway with its console, a proxy, handsets, and pushes",
    async () => (await import("./commands/demo.ts")).demoCommand,
  ],
  proxy: [
    "run a local SIP/IP core: registrar, proxy, presence agent",
    async () => (await import("./commands/proxy.ts")).proxyCommand,
  ],
  receive: [
    "be a handset: register, subscribe, take pushes, and say what they are",
    async () => (await import("./commands/receive.ts")).receiveCommand,
  ],
  fleet: [
    "be many handsets: register them, take their pushes, and count",
    async () => (await import("./commands/fleet.ts")).fleetCommand,
  ],
  send: [
    "push a file or a DS notification to one or more recipients, and say what became of it",
    async () => (await import("./commands/send.ts")).sendCommand,
  ],
  refer: [
    "refer a handset to a push sender: it is to subscribe there",
    async () => (await import("./commands/refer.ts")).referCommand,
  ],
  options: ["ask a handset what it can take", async () => (await import("./commands/options.ts")).optionsCommand],
  ppg: [
    "be a Push Proxy Gateway: take pushes over PAP, deliver them over SIP, tell the results",
    async () => (await import("./commands/ppg.ts")).ppgCommand,
  ],
  push: [
    "submit a push to a push proxy gateway (PAP): ours, Kannel, any other",
    async () => (await import("./commands/push.ts")).pushCommand,
  ],
  status: [
    "ask a push proxy gateway what became of a push",
    async () => (await import("./commands/status.ts")).statusCommand,
  ],
  cancel: [
    "take a push back from a push proxy gateway",
    async () => (await import("./commands/cancel.ts")).cancelCommand,
  ],
  capabilities: [
    "ask a push proxy gateway what a handset can take (client capabilities query)",
    async () => (await import("./commands/capabilities.ts")).capabilitiesCommand,
  ],
  notification: [
    "turn the octets of a DS, DM or SyncML notification into JSON and back",
    async () => (await import("./commands/notification.ts")).notificationCommand,
  ],
};

/** Runs the command line `args` (without `node` and script) and returns its exit code. Never throws. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = new Command("sip-push")
    .description("OMA Push using SIP: send notifications, receive them, and know whether they arrived")
    .version(ownVersion())
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpText(
      "after",
      `
Every setting may also come from SIP_PUSH_… in the environment (SIP_PUSH_DS_SERVER) or from the JSON file of --config
({"dsServer": …}); flags win. SIP_PUSH_LOG=debug logs JSON lines to standard error, trace each SIP message.

Examples:
  sip-push demo
  sip-push help send`,
    );
  const wanted = wantedOf(args);
  for (const [name, [description, load]] of Object.entries(commands)) {
    const command = program.command(name).description(description);
    if (name !== wanted) continue;
    (await load())(command, io, (code) => {
      exitCode = code;
    });
  }
  for (const command of withSubcommands(program)) {
    command.exitOverride().showHelpAfterError(false).allowExcessArguments(false);
    command.configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: (text, write) => write(`sip-push: ${oneLine(text.replace(/^error: /, ""))}\n`),
    });
  }
  try {
    await naming(() => program.parseAsync([...args], { from: "user" }));
    return exitCode;
  } catch (error) {
    return failed(error, io);
  }
}

function failed(error: unknown, io: Io): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.badInput;
  io.stderr.write(`sip-push: ${oneLine(error instanceof Error ? error.message : String(error))}\n`);
  if (error instanceof UsageError) return exitCodes.badInput;
  // Not the person's doing, so what it was is worth more than a tidy line.
  if (error instanceof Error) io.stderr.write(`${error.stack}\n`);
  return exitCodes.notDelivered;
}

/** The command that runs, or whose help is asked for: the first word, as commander reads it. */
function wantedOf(args: readonly string[]): string | undefined {
  const [first, second] = args.filter((arg) => !arg.startsWith("-"));
  return first === "help" ? second : first;
}

function withSubcommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ");
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
    version: string;
  };
  return version;
}
