import { type PushEvent, pushEventToJson, type RefusedEvent } from "@sip-push/receiver";
import { serializeListenAddress } from "@sip-push/sip";
import { Demo, type DemoResult } from "../demo/demo.ts";
import { describeNextSteps, describePlaces, describeResults } from "../demo/report.ts";
import { createLogger, exitCodes, type Io, printJson, untilStopped } from "../io.ts";
import type { Register } from "../run.ts";
import { describePush, printable } from "../text.ts";

interface Flags {
  readonly once?: boolean;
  readonly json?: boolean;
}

export const demoCommand: Register = (command, io, finish) => {
  command
    .option("--once", "end after the pushes: exit code 0 when all came out as expected, 1 otherwise")
    .option("--json", "one JSON object per push taken and per outcome on standard output")
    .addHelpText(
      "after",
      `
Everything listens on 127.0.0.1 only, and what the gateway keeps is gone afterwards.

Examples:
  sip-push demo
  sip-push demo --once`,
    )
    .action(async (flags: Flags) => {
      finish(await runDemo(io, flags));
    });
};

async function runDemo(io: Io, { once = false, json = false }: Flags): Promise<number> {
  let live = false;
  const demo = await Demo.open({
    logger: createLogger(io),
    signal: io.stop,
    onPush: (name, push) => {
      if (json) printJson(io, pushEventToJson(push));
      else if (live) io.stdout.write(liveLine(name, push));
    },
    onRefused: (name, refused) => {
      if (!json) io.stdout.write(refusedLine(name, refused));
    },
  });
  try {
    if (json) printJson(io, placesJson(demo));
    else io.stdout.write(describePlaces(demo));
    const results = await demo.run();
    if (json) for (const result of results) printJson(io, outcomeJson(result));
    else io.stdout.write(describeResults(results));
    if (!once && !io.stop.aborted) {
      live = true;
      if (!json) io.stdout.write(describeNextSteps(demo, results[0]?.outcome.pushId ?? ""));
      await untilStopped(io);
    }
    return results.every(({ problems }) => problems.length === 0) ? exitCodes.done : exitCodes.notDelivered;
  } finally {
    await demo.close();
  }
}

function liveLine(name: string, push: PushEvent): string {
  return `${name}: ${describePush(push)}\n`;
}

function refusedLine(name: string, { from, sipStatus, reason }: RefusedEvent): string {
  return `${name}: ${printable(`refused a push from ${from}: ${sipStatus} ${reason}`)}\n`;
}

/** The object that `ppg --json` prints, with the proxy. */
function placesJson({ core, ppg }: Demo): object {
  const { operation } = ppg.gateway;
  const proxy = core.listening.map(serializeListenAddress);
  return { event: "listening", pap: ppg.pap, console: ppg.console, operation, proxy };
}

/** The object that `send --json` prints, with what the demo knows besides. */
function outcomeJson({ push, recipient, outcome, problems }: DemoResult): object {
  const { to, pushId, messageState, papCode, sipStatus, sipReason, attempts, elapsedMs } = outcome;
  const { method } = push;
  const result = { to, over: recipient.over, messageState, papCode, sipStatus, sipReason, attempts, elapsedMs };
  return { ...result, pushId, method, problems };
}
