import { describePapCode, papCodeClassOf, type StatusQueryResult } from "@sip-push/pap";
import { z } from "zod";
import { addOutputFlags, readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { exitCodes, type Io } from "../io.ts";
import { printRefusal, printResult } from "../pap-output.ts";
import { addPpgFlags, checkPpg, ppgSettings, pushIdText, withInitiator } from "../ppg-settings.ts";
import type { Register } from "../run.ts";

const settings = {
  pushId: pushIdText,
  to: z.array(z.string().min(1, "is empty")).default([]),
  ...ppgSettings,
  json: z.boolean().default(false),
};

type StatusSettings = Settings<typeof settings>;

export const statusCommand: Register = (command, io, finish) => {
  command
    .argument("<push-id>", "the push")
    .option("--to <address>", "this recipient only; may be repeated", repeatable);
  addOutputFlags(addPpgFlags(command), "one JSON object per recipient on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push status 9fjeo39jf084@pi.example.test --ppg http://127.0.0.1:8070/pap --user calendar --password secret
  sip-push status 9fjeo39jf084@pi.example.test --ppg http://127.0.0.1:8070/pap --to sip:alice@example.test --json

Exit code: 0 the gateway knows, 1 it does not or was not reached, 2 bad input (nothing was asked).`,
    )
    .action(async (pushId: string, flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, { ...flags, pushId }, checkPpg);
      finish(await ask(io, read));
    });
};

async function ask(io: Io, read: StatusSettings): Promise<number> {
  const { pushId, to: addresses, json } = read;
  const outcome = await naming(() =>
    withInitiator(io, read, (initiator) => initiator.status({ pushId, addresses }, { signal: io.stop })),
  );
  if (outcome.kind !== "answered") {
    printRefusal(io, json, { operation: "status", pushId }, outcome);
    return exitCodes.notDelivered;
  }
  const { statusQueryResults } = outcome.response;
  for (const { addresses: named, messageState, code, desc, eventTime } of statusQueryResults) {
    for (const address of named.length > 0 ? named : [null]) {
      const description = desc ?? describePapCode(code);
      printResult(io, json, {
        pushId,
        address,
        messageState,
        papCode: code,
        description,
        eventTime: eventTime ?? null,
      });
    }
  }
  return statusQueryResults.some(isUnknown) ? exitCodes.notDelivered : exitCodes.done;
}

/** Of a push, or of a recipient, that the gateway has never heard of, or could not look for. */
function isUnknown({ messageState, code }: StatusQueryResult): boolean {
  return messageState === "unknown" && ["client error", "server error"].includes(papCodeClassOf(code) ?? "");
}
