import type { PushMessage } from "@sip-push/push";
import type { DeliveryVia, PushOutcome, PushSender, PushSenderOptions } from "@sip-push/sender";
import { z } from "zod";
import { addOutputFlags, readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { oneOf, optionalSeconds } from "../fields.ts";
import { exitCodes, type Io, printJson } from "../io.ts";
import { addContentFlags, checkContent, contentSettings, readPush } from "../push-content.ts";
import { openReachable } from "../reachable-sender.ts";
import type { Register } from "../run.ts";
import { addSenderFlags, checkSender, openSender, senderSettings, subscriptionPolicy } from "../sender-settings.ts";
import { subscriptionFile } from "../subscription-file.ts";
import { printable, table } from "../text.ts";

/** How long a handset may believe that it is subscribed to a run that was killed; others end their subscriptions. */
const SHORT_SUBSCRIPTION_SECONDS = 60;
/** How long `--via notify` waits for a subscription, `--wait-for-registration` for a handset and `--report` for a report. */
const SUBSCRIBE_SECONDS = 30;
const REGISTER_SECONDS = 3600;
const REPORT_SECONDS = 30;

const settings = {
  to: z.array(z.string()).min(1, "give at least one recipient"),
  ...contentSettings,
  via: oneOf<DeliveryVia>(["auto", "message", "notify"]).optional(),
  waitForRegistration: optionalSeconds(REGISTER_SECONDS).optional(),
  report: optionalSeconds(REPORT_SECONDS).optional(),
  register: z.boolean().optional(),
  thirdPartyRegister: z.boolean().default(false),
  refer: z.boolean().default(false),
  subscriptions: z.string().min(1, "is empty").optional(),
  ...senderSettings,
  json: z.boolean().default(false),
};

type SendSettings = Settings<typeof settings>;

export const sendCommand: Register = (command, io, finish) => {
  command.option("--to <uri>", "recipient: sip:, sips: or tel: URI; may be repeated", repeatable);
  addContentFlags(command)
    .optionsGroup("Delivery:")
    .option(
      "--via <how>",
      "message; notify, in a subscription of the handset; auto (default): notify where there is one",
    )
    .option(
      "--wait-for-registration [seconds]",
      `a handset that is not there gets the push when it registers (--via notify: subscribes); ${REGISTER_SECONDS} unless given, ${SUBSCRIBE_SECONDS} with --via notify`,
    )
    .option(
      "--report [seconds]",
      `ask for the handset's delivery report and wait for it, ${REPORT_SECONDS} unless given`,
    )
    .option(
      "--register",
      "register --from, so that subscriptions and reports come here; implied by --report and --via notify",
    )
    .option("--no-register", "do not: the core has a route to --from, or the handset is addressed directly")
    .option("--third-party-register", "the core tells this sender of registrations (TS 24.229 §5.4.1.7): wait for that")
    .option("--refer", "with --via notify: refer the recipients to this sender, so that they subscribe")
    .option("--subscriptions <file>", "keep subscriptions for the next run; one run at a time");
  addOutputFlags(addSenderFlags(command), "one JSON object per recipient on standard output")
    .addHelpText(
      "after",
      `
A handset sends its delivery report, and its subscription, to the address in --from. So --report and --via notify register
that address at the proxy first, unless --contact or --no-register says that the core has another way to it.

Examples:
  sip-push send --to sip:alice@example.test --proxy sip:127.0.0.1:5060 \\
      --ds-server ds.example.test --ds-sync two-way:./contacts:text/x-vcard
  sip-push send --to sip:alice@example.test --proxy 'sip:127.0.0.1:5060;transport=tcp' \\
      --file note.txt --content-type text/plain --json
  sip-push send --to sip:alice@example.test --proxy sip:127.0.0.1:5060 --ds-server ds.example.test --report
  sip-push send --to sip:alice@example.test --proxy sip:127.0.0.1:5060 --ds-server ds.example.test \\
      --via notify --refer --subscriptions handsets.json

Exit code: 0 all delivered, 1 something was not, 2 bad input (nothing was sent).`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, flags, check);
      finish(await send(io, read));
    });
};

/** What lies in how the settings go together. */
function check(given: Partial<SendSettings>, wrong: ReadonlySet<string>): string[] {
  const problems = [...checkContent(given, wrong), ...checkSender(given)];
  if (given.via === "notify" && given.app === undefined && given.dsServer === undefined) {
    problems.push("--app: is required with --via notify: handsets subscribe to applications");
  }
  if (given.refer === true && given.via !== "notify") problems.push("--refer: goes with --via notify");
  if (given.subscriptions !== undefined && given.via === "message") {
    problems.push("--subscriptions: serves nothing with --via message");
  }
  if (
    given.thirdPartyRegister === true &&
    given.waitForRegistration === undefined &&
    !wrong.has("waitForRegistration")
  ) {
    problems.push("--third-party-register: goes with --wait-for-registration");
  }
  return problems;
}

async function send(io: Io, read: SendSettings): Promise<number> {
  const { to, via, report, contact } = read;
  const content = await readPush(io, read);
  const push = report === undefined ? content : ({ ...content, report: "receiver" } as const);
  const isAnswered = report !== undefined || via === "notify";
  const register = read.register ?? (isAnswered && contact === undefined);
  const outcomes = await naming(async () => {
    const more = { ...(await subscriptionsOf(read)), thirdPartyRegister: read.thirdPartyRegister };
    const sender = register ? await openReachable(io, read, to[0] ?? "", more) : await openSender(io, read, more);
    try {
      return sender && (await deliver(io, read, sender, push));
    } finally {
      await sender?.close();
    }
  });
  if (outcomes === undefined) return exitCodes.notDelivered;
  if (read.json) for (const outcome of outcomes) printJson(io, outcomeJson(outcome));
  else printTable(io, outcomes, read);
  return outcomes.every(({ messageState }) => messageState === "delivered") ? exitCodes.done : exitCodes.notDelivered;
}

/** Delivers, and meanwhile refers the recipients to the sender when they are to be. */
async function deliver(io: Io, read: SendSettings, sender: PushSender, push: PushMessage): Promise<PushOutcome[]> {
  const { to, via, report, refer, waitForRegistration } = read;
  const delivered = new AbortController();
  const signal = AbortSignal.any([io.stop, delivered.signal]);
  const referring = refer ? referAll(io, sender, { to, push, signal }) : undefined;
  const delivering = sender.deliver(push, {
    to,
    signal: io.stop,
    ...(via === undefined ? {} : { via }),
    waitForRegistrationSeconds: waitForRegistration ?? (via === "notify" ? SUBSCRIBE_SECONDS : 0),
    ...(report === undefined ? {} : { reportTimeoutSeconds: report }),
  });
  const [outcomes] = await Promise.all([delivering.finally(() => delivered.abort()), referring]);
  return outcomes;
}

/** Without a file nobody goes on with a subscription when this run is over, so none is to last. */
async function subscriptionsOf({ subscriptions: path, trusted }: SendSettings): Promise<Partial<PushSenderOptions>> {
  if (path !== undefined) return { subscriptionStore: await subscriptionFile("--subscriptions", path) };
  return { subscriptions: { ...subscriptionPolicy(trusted), maxExpiresSeconds: SHORT_SUBSCRIPTION_SECONDS } };
}

interface Referrals {
  readonly to: readonly string[];
  readonly push: PushMessage;
  readonly signal: AbortSignal;
}

/** Who follows the reference is subscribed, which the push finds out; told is who does not. */
async function referAll(io: Io, sender: PushSender, { to, push, signal }: Referrals): Promise<void> {
  const event = { applicationIds: push.applicationId === null ? [] : [push.applicationId] };
  await Promise.all(
    to.map(async (each) => {
      const outcome = await sender.refer(each, { event, signal });
      if (outcome.kind === "accepted" || signal.aborted) return;
      const answer = outcome.kind === "refused" ? `${outcome.sipStatus} ${outcome.reason}` : outcome.reason;
      io.stderr.write(`sip-push: ${printable(`${each} does not take the reference: ${answer}`)}\n`);
    }),
  );
}

/** New fields come after those of the contract. */
function outcomeJson(outcome: PushOutcome): object {
  const { to, messageState, papCode, sipStatus, sipReason, attempts, elapsedMs, via, report } = outcome;
  return { to, messageState, papCode, sipStatus, sipReason, attempts, elapsedMs, via, report };
}

/** A column of the table. */
type Column = readonly [heading: string, cell: (outcome: PushOutcome) => string];

const columns: readonly Column[] = [
  ["to", ({ to }) => to],
  ["state", ({ messageState }) => messageState],
  ["PAP", ({ papCode }) => String(papCode)],
  ["SIP answer", answerOf],
  ["attempts", ({ attempts }) => String(attempts)],
  ["time", ({ elapsedMs }) => `${elapsedMs} ms`],
];
const viaColumn: Column = ["via", ({ via }) => via ?? "none"];
const reportColumn: Column = ["report", ({ report }) => report ?? "none"];

function printTable(io: Io, outcomes: readonly PushOutcome[], { via, report }: SendSettings): void {
  const shown = [
    ...columns,
    ...(via === undefined ? [] : [viaColumn]),
    ...(report === undefined ? [] : [reportColumn]),
  ];
  const rows = outcomes.map((outcome) => shown.map(([, cell]) => cell(outcome)));
  io.stdout.write(table([shown.map(([heading]) => heading), ...rows]));
  // Where the answer is not the whole reason: too long for a column.
  for (const outcome of outcomes) {
    const { to, messageState, reason } = outcome;
    if (messageState === "delivered" || reason === answerOf(outcome)) continue;
    io.stdout.write(`${printable(`${to}: ${reason}`)}\n`);
  }
}

function answerOf({ sipStatus, sipReason }: PushOutcome): string {
  return sipStatus === null ? "none" : `${sipStatus} ${sipReason}`;
}
