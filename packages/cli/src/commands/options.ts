import type { CapabilityAnswer, CapabilityFacts } from "@sip-push/sender";
import { reasonPhrases } from "@sip-push/sip";
import { z } from "zod";
import { addOutputFlags, readConfig, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { applicationId } from "../fields.ts";
import { exitCodes, type Io, printJson } from "../io.ts";
import type { Register } from "../run.ts";
import { addSenderFlags, checkSender, openSender, senderSettings } from "../sender-settings.ts";
import { printable } from "../text.ts";

const settings = {
  to: z.string(),
  app: applicationId.optional(),
  ...senderSettings,
  json: z.boolean().default(false),
};

type OptionsSettings = Settings<typeof settings>;

/** What is said of a handset: JSON field, words for people, and where it is. Null: it does not say. */
const rows: ReadonlyArray<
  readonly [field: string, name: string, read: (facts: CapabilityFacts) => readonly string[] | null]
> = [
  ["applications", "applications", (facts) => facts.applications],
  ["accept", "Accept", (facts) => facts.mediaTypes],
  ["allow", "Allow", (facts) => facts.methods],
  ["allowEvents", "Allow-Events", (facts) => facts.eventPackages],
  ["supported", "Supported", (facts) => facts.optionTags],
  ["acceptEncoding", "Accept-Encoding", (facts) => facts.encodings],
  ["acceptLanguage", "Accept-Language", (facts) => facts.languages],
];

export const optionsCommand: Register = (command, io, finish) => {
  command
    .option("--to <uri>", "the handset: sip:, sips: or tel: URI")
    .option("--app <id>", "ask one that has this application; any unless given");
  addOutputFlags(addSenderFlags(command), "one JSON object on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push options --to sip:alice@example.test --proxy sip:127.0.0.1:5060
  sip-push options --to sip:alice@example.test --proxy sip:127.0.0.1:5060 --app push.syncml --json

Exit code: 0 it answered, 1 it did not or was not reached, 2 bad input (nothing was sent).`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, flags, checkSender);
      finish(await ask(io, read));
    });
};

async function ask(io: Io, read: OptionsSettings): Promise<number> {
  const { to, app, json } = read;
  const answer = await naming(async () => {
    const sender = await openSender(io, read);
    try {
      return await sender.queryCapabilities(to, {
        signal: io.stop,
        ...(app === undefined ? {} : { applicationId: app }),
      });
    } finally {
      await sender.close();
    }
  });
  if (json) printJson(io, answerJson(to, answer));
  else io.stdout.write(describe(to, answer));
  return answer.kind === "answered" ? exitCodes.done : exitCodes.notDelivered;
}

function answerJson(to: string, answer: CapabilityAnswer): object {
  const learnt = answer.kind === "answered" ? answer.learnt : null;
  return {
    to,
    sipStatus: answer.kind === "failed" ? null : answer.sipStatus,
    reason: reasonOf(answer),
    handset: learnt?.handset ?? null,
    ...Object.fromEntries(rows.map(([field, , read]) => [field, learnt === null ? null : read(learnt.facts)])),
  };
}

function describe(to: string, answer: CapabilityAnswer): string {
  const status = answer.kind === "failed" ? "" : `${answer.sipStatus} `;
  const head = `${printable(`${to}: ${status}${reasonOf(answer)}`)}\n`;
  if (answer.kind !== "answered") return head;
  const { handset, facts } = answer.learnt;
  const lines = rows.map(([, name, read]) => [name, read(facts)?.join(", ") ?? "-"] as const);
  const width = Math.max(...lines.map(([name]) => name.length));
  return [["handset", handset ?? "-"] as const, ...lines]
    .map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value)}\n`)
    .reduce((text, line) => text + line, head);
}

function reasonOf(answer: CapabilityAnswer): string {
  return answer.kind === "answered" ? (reasonPhrases[answer.sipStatus] ?? "") : answer.reason;
}
