import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { demoCommand } from "./commands/demo.ts";
import { notificationCommand } from "./commands/notification.ts";
import { optionsCommand } from "./commands/options.ts";
import { proxyCommand } from "./commands/proxy.ts";
import { receiveCommand } from "./commands/receive.ts";
import { referCommand } from "./commands/refer.ts";
import { sendCommand } from "./commands/send.ts";
import { naming } from "./failures.ts";
import { exitCodes, type Io, UsageError } from "./io.ts";

/** Adds a command; its action calls `finish` with the exit code unless that is 0. */
export type Register = (program: Command, io: Io, finish: (exitCode: number) => void) => void;

const commands: readonly Register[] = [
  demoCommand,
  proxyCommand,
  receiveCommand,
  sendCommand,
  referCommand,
  optionsCommand,
  notificationCommand,
];

/** Runs the command line `args` (without `node` and script) and returns its exit code. Never throws. */
export async function run(args: readonly string[], io: Io): Promise<number> {
  let exitCode: number = exitCodes.done;
  const program = new Command("sip-push")
    .description("OMA Push using SIP: send notifications, receive them, and know whether they arrived")
    .version(ownVersion())
    .addHelpText(
      "after",
      `
Every setting may also come from SIP_PUSH_… in the environment (SIP_PUSH_DS_SERVER) or from the JSON file of --config
({"dsServer": …}); flags win. SIP_PUSH_LOG=debug logs JSON lines to standard error.

Examples:
  sip-push demo
  sip-push help send`,
    );
  for (const register of commands) {
    register(program, io, (code) => {
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
