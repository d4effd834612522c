import type { CapabilitiesOutcome } from "@sip-push/initiator";
import { z } from "zod";
import { addOutputFlags, readConfig, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { applicationId } from "../fields.ts";
import { exitCodes, type Io, printJson } from "../io.ts";
import { printRefusal } from "../pap-output.ts";
import { addPpgFlags, checkPpg, ppgSettings, withInitiator } from "../ppg-settings.ts";
import type { Register } from "../run.ts";
import { printable } from "../text.ts";

const settings = {
  to: z.string().min(1, "is empty"),
  app: applicationId.optional(),
  ...ppgSettings,
  json: z.boolean().default(false),
};

type CapabilitiesSettings = Settings<typeof settings>;

export const capabilitiesCommand: Register = (command, io, finish) => {
  command
    .option("--to <address>", "the handset: WAPPUSH=…, sip: or tel: address")
    .option("--app <id>", "the application asked about");
  addOutputFlags(addPpgFlags(command), "one JSON object on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push capabilities --to sip:alice@example.test --ppg http://127.0.0.1:8070/pap --user calendar --password secret
  sip-push capabilities --to sip:alice@example.test --app push.syncml --ppg http://127.0.0.1:8070/pap --json

Exit code: 0 the gateway answered, 1 it does not know or was not reached, 2 bad input (nothing was asked).
To ask a handset itself: sip-push options.`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, flags, checkPpg);
      finish(await ask(io, read));
    });
};

async function ask(io: Io, read: CapabilitiesSettings): Promise<number> {
  const { to, app, json } = read;
  const outcome = await naming(() =>
    withInitiator(io, read, (initiator) =>
      initiator.queryCapabilities({ address: to, applicationId: app }, { signal: io.stop }),
    ),
  );
  if (outcome.kind !== "answered") {
    printRefusal(io, json, { operation: "capabilities", pushId: null }, outcome);
    return exitCodes.notDelivered;
  }
  print(io, read, outcome);
  return exitCodes.done;
}

/** UAProf is XML: text in UTF-8. */
function print(io: Io, { to, json }: CapabilitiesSettings, outcome: CapabilitiesOutcome & { kind: "answered" }): void {
  const { papCode, description, capabilities } = outcome;
  const text = capabilities === null ? null : new TextDecoder().decode(capabilities.body);
  const contentType = capabilities?.contentType ?? null;
  if (json)
    printJson(io, { event: "capabilities", address: to, papCode, description, contentType, capabilities: text });
  else io.stdout.write(`${printable(`${to}: ${papCode} ${description}`)}\n${lines(text)}`);
}

function lines(text: string | null): string {
  return (text ?? "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => `  ${printable(line.trimEnd())}\n`)
    .join("");
}
