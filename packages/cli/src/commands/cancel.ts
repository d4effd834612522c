import { describePapCode, papCodeClassOf, papCodes } from "@sip-push/pap";
import { z } from "zod";
import { addOutputFlags, readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { exitCodes, type Io, printJson } from "../io.ts";
import { nameSome, printRefusal } from "../pap-output.ts";
import { addPpgFlags, checkPpg, ppgSettings, pushIdText, withInitiator } from "../ppg-settings.ts";
import type { Register } from "../run.ts";
import { printable } from "../text.ts";

const settings = {
  pushId: pushIdText,
  to: z.array(z.string().min(1, "is empty")).default([]),
  ...ppgSettings,
  json: z.boolean().default(false),
};

type CancelSettings = Settings<typeof settings>;

export const cancelCommand: Register = (command, io, finish) => {
  command
    .argument("<push-id>", "the push")
    .option("--to <address>", "for this recipient only; may be repeated", repeatable);
  addOutputFlags(addPpgFlags(command), "one JSON object per recipient on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push cancel 9fjeo39jf084@pi.example.test --ppg http://127.0.0.1:8070/pap --user calendar --password secret
  sip-push cancel 9fjeo39jf084@pi.example.test --ppg http://127.0.0.1:8070/pap --to sip:alice@example.test --json

1001: an attempt is under way. It ends as cancelled if that fails; what came of it, the result and status say.
Exit code: 0 all cancelled, or asked for (1001), 1 something was not (delivered already, say), 2 bad input (nothing was asked).`,
    )
    .action(async (pushId: string, flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, { ...flags, pushId }, checkPpg);
      finish(await cancel(io, read));
    });
};

async function cancel(io: Io, read: CancelSettings): Promise<number> {
  const { pushId, to: addresses, json } = read;
  const outcome = await naming(() =>
    withInitiator(io, read, (initiator) => initiator.cancel({ pushId, addresses }, { signal: io.stop })),
  );
  if (outcome.kind !== "answered") {
    printRefusal(io, json, { operation: "cancel", pushId }, outcome);
    return exitCodes.notDelivered;
  }
  const { cancelResults } = outcome.response;
  for (const { addresses: named, code, desc } of cancelResults) {
    const description = desc ?? describePapCode(code);
    if (json) {
      for (const address of named.length > 0 ? named : [null]) {
        printJson(io, { event: "cancel", pushId, address, papCode: code, description });
      }
    } else {
      io.stdout.write(`${printable(`${nameSome(named)}: ${wordOf(code)}, ${code} ${description}`)}\n`);
    }
  }
  return cancelResults.every(({ code }) => isDone(code)) ? exitCodes.done : exitCodes.notDelivered;
}

/** 1001 is no cancellation yet: an attempt is under way, and what comes of it is not known. */
function wordOf(code: number): string {
  if (code === papCodes.acceptedForProcessing) return "asked for, not cancelled yet";
  return isDone(code) ? "cancelled" : "not cancelled";
}

function isDone(code: number): boolean {
  return papCodeClassOf(code) === "success";
}
