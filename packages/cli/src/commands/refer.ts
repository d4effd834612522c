import type { ReferOutcome } from "@sip-push/sender";
import { reasonPhrases } from "@sip-push/sip";
import { z } from "zod";
import { addOutputFlags, readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { applicationId, optionalSeconds, sipUriText, wholeNumber } from "../fields.ts";
import { exitCodes, type Io, printJson } from "../io.ts";
import type { Register } from "../run.ts";
import { addSenderFlags, checkSender, fromBeside, openSender, senderSettings } from "../sender-settings.ts";
import { printable } from "../text.ts";

const REPORT_SECONDS = 60;

const settings = {
  to: z.string(),
  target: sipUriText.optional(),
  app: z.array(applicationId).min(1, "give at least one application").default(["push.syncml"]),
  expires: wholeNumber(1, 0x7fff_ffff).optional(),
  report: optionalSeconds(REPORT_SECONDS).optional(),
  ...senderSettings,
  json: z.boolean().default(false),
};

type ReferSettings = Settings<typeof settings>;

export const referCommand: Register = (command, io, finish) => {
  command
    .option("--to <uri>", "the handset: sip:, sips: or tel: URI")
    .option("--target <uri>", "the sender to subscribe to; --from unless given")
    .option("--app <id>", "application to subscribe to; may be repeated; push.syncml unless given", repeatable)
    .option("--expires <seconds>", "how long to subscribe; the handset decides unless given")
    .option("--report [seconds]", `wait for word of what came of it, ${REPORT_SECONDS} unless given`);
  addOutputFlags(addSenderFlags(command), "one JSON object on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push refer --to sip:alice@example.test --proxy sip:127.0.0.1:5060 --target sip:push@example.test --app push.syncml
  sip-push refer --to sip:alice@example.test --proxy sip:127.0.0.1:5060 --target sip:push@example.test --report --json

Exit code: 0 accepted (with --report: and subscribed), 1 not, 2 bad input (nothing was sent).`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, flags, checkSender);
      finish(await refer(io, read));
    });
};

async function refer(io: Io, read: ReferSettings): Promise<number> {
  const { to, app, expires, report } = read;
  const from = fromBeside(to, read);
  const target = read.target ?? from;
  const outcome = await naming(async () => {
    const sender = await openSender(io, read, { from });
    try {
      return await sender.refer(to, {
        target,
        event: { applicationIds: app },
        report: report !== undefined,
        signal: io.stop,
        ...(expires === undefined ? {} : { expiresSeconds: expires }),
        ...(report === undefined ? {} : { reportTimeoutSeconds: report }),
      });
    } finally {
      await sender.close();
    }
  });
  if (read.json) printJson(io, outcomeJson(read, target, outcome));
  else io.stdout.write(`${printable(`${to}: ${describe(outcome, target)}`)}\n`);
  return isDone(outcome, read) ? exitCodes.done : exitCodes.notDelivered;
}

function isDone(outcome: ReferOutcome, { report }: ReferSettings): boolean {
  if (outcome.kind !== "accepted") return false;
  const status = outcome.result?.sipStatus ?? 0;
  return report === undefined || (status >= 200 && status < 300);
}

function outcomeJson({ to, app }: ReferSettings, target: string, outcome: ReferOutcome): object {
  const accepted = outcome.kind === "accepted";
  return {
    ...{ to, target, applications: app, accepted },
    sipStatus: outcome.kind === "failed" ? null : outcome.sipStatus,
    reason: accepted ? (reasonPhrases[outcome.sipStatus] ?? "") : outcome.reason,
    report: accepted ? outcome.result : null,
  };
}

function describe(outcome: ReferOutcome, target: string): string {
  if (outcome.kind === "failed") return outcome.reason;
  const { sipStatus } = outcome;
  if (outcome.kind === "refused") return `refused, ${sipStatus} ${outcome.reason}`;
  const { result } = outcome;
  if (result === null) return `accepted, ${sipStatus} ${reasonPhrases[sipStatus] ?? ""}`;
  if (result.sipStatus === null) return `accepted; ${result.reason}`;
  const answer = result.sipStatus < 200 ? "has not answered the subscription yet" : "answered the subscription";
  return `accepted; ${target} ${answer}: ${result.sipStatus} ${result.reason}`;
}
