import { parseContentDisposition } from "@sip-push/bodies";
import {
  newPushId,
  type PushInitiator,
  type PushOutcome,
  type PushSubmission,
  ResultListener,
} from "@sip-push/initiator";
import { deliveryMethods, parseTimestamp, priorities, replaceMethods } from "@sip-push/pap";
import { applicationUrn } from "@sip-push/push";
import { bareHost, parseHostPort, systemClock } from "@sip-push/sip";
import { z } from "zod";
import { addOutputFlags, readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { oneOf, optionalSeconds } from "../fields.ts";
import { createLogger, exitCodes, type Io, printJson } from "../io.ts";
import { printRefusal, printResult } from "../pap-output.ts";
import { ResultWatch } from "../pap-watch.ts";
import { addPpgFlags, checkPpg, ppgSettings, pushIdText, withInitiator } from "../ppg-settings.ts";
import { addEntityFlags, checkContent, entitySettings, readContent } from "../push-content.ts";
import type { Register } from "../run.ts";
import { printable } from "../text.ts";

/** How long `--watch` waits for results. */
const WATCH_SECONDS = 60;

/** `2026-11-21T17:30:00Z`, or `+3600`: so many seconds from now. */
const moment: z.ZodType<Date, string> = z.string().transform((text, context) => {
  const seconds = /^\+([0-9]{1,10})$/.exec(text)?.[1];
  const time = seconds === undefined ? parseTimestamp(text, true) : new Date(Date.now() + Number(seconds) * 1000);
  if (time !== undefined) return time;
  context.addIssue({ code: "custom", message: `"${text}" is no time; write 2026-11-21T17:30:00Z or +seconds` });
  return z.NEVER;
});

/** `127.0.0.1:0` */
const hostPort = z.string().transform((text, context) => {
  try {
    const { host, port = 0 } = parseHostPort(text, "address");
    return { address: bareHost(host), port };
  } catch {
    context.addIssue({ code: "custom", message: `"${text}" is no address; write 127.0.0.1:8090` });
    return z.NEVER;
  }
});

const httpUrl = z.url({ protocol: /^https?$/, error: "must be an http: or https: URL" });

const settings = {
  to: z.array(z.string().min(1, "is empty")).min(1, "give at least one recipient"),
  ...entitySettings,
  pushId: pushIdText.optional(),
  priority: oneOf(priorities).optional(),
  method: oneOf(deliveryMethods).optional(),
  deliverBefore: moment.optional(),
  deliverAfter: moment.optional(),
  replace: pushIdText.optional(),
  replaceMethod: oneOf(replaceMethods).optional(),
  network: z.string().min(1, "is empty").optional(),
  networkRequired: z.boolean().optional(),
  bearer: z.string().min(1, "is empty").optional(),
  bearerRequired: z.boolean().optional(),
  progressNotes: z.boolean().default(false),
  watch: optionalSeconds(WATCH_SECONDS).optional(),
  notifyListen: hostPort.optional(),
  notifyUrl: httpUrl.optional(),
  ...ppgSettings,
  json: z.boolean().default(false),
};

type PushSettings = Settings<typeof settings>;

export const pushCommand: Register = (command, io, finish) => {
  command.option(
    "--to <address>",
    "recipient, as the gateway knows it: WAPPUSH=…, sip:, tel:; may be repeated",
    repeatable,
  );
  addEntityFlags(command)
    .optionsGroup("Delivery:")
    .option("--push-id <id>", "name of the push, never used before; a new one unless given")
    .option("--priority <word>", priorities.join(", "))
    .option("--method <word>", deliveryMethods.join(", "))
    .option("--deliver-before <time>", "the push is worth nothing after that: 2026-11-21T17:30:00Z, or +seconds")
    .option("--deliver-after <time>", "not before that")
    .option("--replace <id>", "the push that this one replaces")
    .option("--replace-method <word>", "pending-only: not where it was delivered; all (default)")
    .option("--network <name>", "network to use, such as GSM")
    .option("--network-required", "no other")
    .option("--bearer <name>", "bearer to use, such as 'Packet Data'")
    .option("--bearer-required", "no other")
    .option("--progress-notes", "the gateway is to say what it did so far")
    .optionsGroup("Results:")
    .option("--watch [seconds]", `wait for the results of all recipients, ${WATCH_SECONDS} unless given`)
    .option("--notify-listen <address>", "where to listen for results; 127.0.0.1:0 unless given")
    .option("--notify-url <url>", "how the gateway reaches that, or another place of yours");
  addOutputFlags(addPpgFlags(command), "one JSON object per event on standard output")
    .addHelpText(
      "after",
      `
The gateway sends results to --notify-listen, if its operator lets it call there. Those that have not come when the time of
--watch is over are asked for (statusquery).

Examples:
  sip-push push --to sip:alice@example.test --ppg http://127.0.0.1:8070/pap --user calendar --password secret \\
      --ds-server ds.example.test --ds-sync two-way:./contacts:text/x-vcard --method confirmed --watch
  sip-push push --to WAPPUSH=+155519990730/TYPE=PLMN@ppg.example.test --ppg http://127.0.0.1:8080/wappush \\
      --user foo --password bar --file note.txt --content-type text/plain --deliver-before +3600 --json

Exit code: 0 accepted (with --watch: delivered to all), 1 not, or with --watch nobody could say, 2 bad input (nothing was sent).`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, flags, check);
      finish(await run(io, read));
    });
};

/** What lies in how the settings go together. */
function check(given: Partial<PushSettings>, wrong: ReadonlySet<string>): string[] {
  const { deliverBefore, deliverAfter, replace, replaceMethod, network, networkRequired, bearer } = given;
  const { bearerRequired, watch, notifyListen, notifyUrl } = given;
  const isAnywhere = ["0.0.0.0", "::"].includes(notifyListen?.address ?? "");
  const isWatching = watch !== undefined || wrong.has("watch");
  const rules: ReadonlyArray<readonly [broken: boolean | undefined, problem: string]> = [
    [deliverBefore && deliverAfter && deliverBefore <= deliverAfter, "--deliver-before: is not after --deliver-after"],
    [replaceMethod !== undefined && replace === undefined, "--replace: is required with --replace-method"],
    [networkRequired && network === undefined, "--network: is required with --network-required"],
    [bearerRequired && bearer === undefined, "--bearer: is required with --bearer-required"],
    [notifyListen !== undefined && !isWatching, "--watch: is required with --notify-listen"],
    [isAnywhere && notifyUrl === undefined, "--notify-url: is required: --notify-listen says no address to call"],
  ];
  const broken = rules.filter(([is]) => is === true).map(([, problem]) => problem);
  return [...checkContent(given, wrong), ...checkPpg(given), ...broken];
}

async function run(io: Io, read: PushSettings): Promise<number> {
  const submission = await submissionOf(io, read);
  return naming(() =>
    withInitiator(io, read, (initiator) =>
      read.watch === undefined
        ? submit(io, read, initiator, submission)
        : submitAndWatch(io, read, initiator, submission, read.watch),
    ),
  );
}

async function submissionOf(io: Io, read: PushSettings): Promise<PushSubmission> {
  const { to, priority, method, network, networkRequired, bearer, bearerRequired, contentLanguage } = read;
  const { contentType, body, contentEncoding, applicationId } = await readContent(io, read);
  const quality = { priority, deliveryMethod: method, network, networkRequired, bearer, bearerRequired };
  const { contentDisposition } = read;
  return {
    pushId: read.pushId ?? newPushId("localhost"),
    addresses: to,
    content: {
      contentType,
      body,
      applicationId: applicationId === null ? null : applicationUrn(applicationId),
      contentEncoding,
      ...(contentDisposition !== undefined && { contentDisposition: parseContentDisposition(contentDisposition) }),
      ...(contentLanguage !== undefined && { headers: [["Content-Language", contentLanguage]] }),
    },
    ...(Object.values(quality).some((value) => value !== undefined) && { quality }),
    deliverBefore: read.deliverBefore,
    deliverAfter: read.deliverAfter,
    ...(read.replace !== undefined && { replace: { pushId: read.replace, method: read.replaceMethod } }),
    progressNotes: read.progressNotes,
    notifyUrl: read.notifyUrl,
  };
}

async function submit(io: Io, read: PushSettings, initiator: PushInitiator, push: PushSubmission): Promise<number> {
  const outcome = await initiator.push(push, { signal: io.stop });
  printOutcome(io, read.json, outcome);
  return outcome.kind === "answered" ? exitCodes.done : exitCodes.notDelivered;
}

/** Listens first: a result may come before the answer to the push. */
async function submitAndWatch(
  io: Io,
  read: PushSettings,
  initiator: PushInitiator,
  push: PushSubmission,
  seconds: number,
): Promise<number> {
  const { json, notifyListen: listen = { address: "127.0.0.1", port: 0 }, notifyUrl } = read;
  const early: Array<() => void> = [];
  let isAccepted = false;
  // What is printed of the push comes before what is printed of its results.
  const watch = new ResultWatch(push.pushId, push.addresses, (line) => {
    const print = (): void => printResult(io, json, line);
    if (isAccepted) print();
    else early.push(print);
  });
  const path = notifyUrl === undefined ? "/" : new URL(notifyUrl).pathname;
  const onResult = watch.take.bind(watch);
  const listener = await ResultListener.open({ listen, path, onResult, logger: createLogger(io) });
  // AbortSignal.timeout knows no more than 24 days.
  const over = new AbortController();
  let timer: { cancel(): void } | undefined;
  try {
    const announced = { ...push, notifyUrl: notifyUrl ?? listener.url };
    const outcome = await initiator.push(announced, { signal: io.stop });
    printOutcome(io, json, outcome);
    if (outcome.kind !== "answered") return exitCodes.notDelivered;
    isAccepted = true;
    for (const print of early) print();
    timer = systemClock.schedule(seconds * 1000, () => over.abort());
    await watch.wait(AbortSignal.any([io.stop, over.signal]));
    const failed = io.stop.aborted ? null : await watch.ask(initiator, io.stop);
    if (failed !== null && failed.kind !== "answered")
      printRefusal(io, json, { operation: "status", pushId: push.pushId }, failed);
    return watch.isDelivered ? exitCodes.done : exitCodes.notDelivered;
  } finally {
    timer?.cancel();
    await listener.close();
  }
}

function printOutcome(io: Io, json: boolean, outcome: PushOutcome): void {
  const { pushId, elapsedMs } = outcome;
  if (outcome.kind !== "answered") {
    printRefusal(io, json, { operation: "push", pushId }, outcome);
    return;
  }
  const { papCode, description, httpStatus, productName, response } = outcome;
  const notes = response.progressNotes.map(({ stage, note, time }) => ({
    stage,
    note: note ?? null,
    time: time ?? null,
  }));
  if (json) {
    const said = { event: "accepted", pushId, papCode, description, httpStatus, productName, elapsedMs };
    printJson(io, notes.length > 0 ? { ...said, progressNotes: notes } : said);
    return;
  }
  io.stdout.write(`${printable(`accepted: ${papCode} ${description}; push-id ${pushId}`)}\n`);
  for (const { stage, note, time } of notes) {
    io.stdout.write(`  ${printable(`${stage}: ${note ?? time?.toISOString() ?? ""}`)}\n`);
  }
}
