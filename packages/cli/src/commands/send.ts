import type { PushMessage } from "@sip-push/push";
import { type PushOutcome, PushSender, parseRecipient } from "@sip-push/sender";
import { serializeUri } from "@sip-push/sip";
import { z } from "zod";
import { readConfig, repeatable, type Settings } from "../config.ts";
import { buildNotification, checkDsSettings, dsSettings } from "../ds-push.ts";
import { naming } from "../failures.ts";
import {
  applicationId,
  domainName,
  listenAddress,
  mediaType,
  oneOf,
  sipUri,
  sipUriText,
  wholeNumber,
} from "../fields.ts";
import { checkTlsSettings, readInput, readTls, tlsSettings } from "../input-files.ts";
import { createLogger, exitCodes, type Io, printJson } from "../io.ts";
import { localAddresses } from "../local-addresses.ts";
import type { Register } from "../run.ts";
import { printable, table } from "../text.ts";

const settings = {
  to: z.array(z.string()).min(1, "give at least one recipient"),
  proxy: sipUri,
  from: sipUriText.default("sip:push@localhost"),
  role: oneOf(["isc", "gm", "plain"]).default("isc"),
  listen: z.array(listenAddress).min(1, "give at least one address").optional(),
  file: z.string().optional(),
  contentType: mediaType.optional(),
  app: applicationId.optional(),
  ...dsSettings,
  expires: wholeNumber(1, 0x7fff_ffff).optional(),
  domain: domainName.optional(),
  user: z.string().optional(),
  password: z.string().optional(),
  ...tlsSettings,
  json: z.boolean().default(false),
};

type SendSettings = Settings<typeof settings>;

export const sendCommand: Register = (program, io, finish) => {
  program
    .command("send")
    .description("push a file or a DS notification to one or more recipients, and say what became of it")
    .option("--to <uri>", "recipient: sip:, sips: or tel: URI; may be repeated", repeatable)
    .option("--proxy <uri>", "SIP proxy to send to, such as 'sip:127.0.0.1:5060;transport=tcp'")
    .option("--from <uri>", "who sends; sip:push@localhost unless given")
    .option("--file <file>", "content to push; - reads standard input")
    .option("--content-type <type>", "its media type")
    .option("--app <id>", "application it is for, such as push.syncml; only handsets that have it are reached")
    .option("--ds-server <id>", "push a DS 1.2 notification that names this server")
    .option("--ds-session <n>", "its session id, 0 to 65535; at random unless given")
    .option("--ds-ui <mode>", "not-specified, background, informative or user-interaction")
    .option(
      "--ds-sync <type:uri[:media-type]>",
      "what to synchronize, such as two-way:./contacts:text/x-vcard; may be repeated",
      repeatable,
    )
    .option("--ds-password <text>", "password for its digest")
    .option("--ds-nonce <text>", "nonce for its digest")
    .option("--expires <seconds>", "the push is worth nothing after that time")
    .option("--domain <name>", "domain for tel: recipients")
    .option("--role <role>", "isc asserts who sends (default), gm states a preference, plain says only From")
    .option("--listen <address>", "address to send from, such as udp:127.0.0.1:0; may be repeated", repeatable)
    .option("--user <name>", "user name for the proxy's challenge; the one of --from unless given")
    .option("--password <text>", "password for the proxy's challenge")
    .option("--ca <file>", "certificates to trust, PEM, for TLS and WSS")
    .option("--cert <file>", "certificate to show, PEM")
    .option("--key <file>", "its key")
    .option("--config <file>", "JSON file with these settings")
    .option("--json", "one JSON object per recipient on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push send --to sip:alice@example.test --proxy sip:127.0.0.1:5060 \\
      --ds-server ds.example.test --ds-sync two-way:./contacts:text/x-vcard
  sip-push send --to sip:alice@example.test --proxy 'sip:127.0.0.1:5060;transport=tcp' \\
      --file note.txt --content-type text/plain --json

Exit code: 0 all delivered, 1 something was not, 2 bad input (nothing was sent).`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, flags, check);
      finish(await send(io, read));
    });
};

/** What lies in how the settings go together. */
function check(given: Partial<SendSettings>): string[] {
  const problems = [...checkDsSettings(given), ...checkTlsSettings(given), ...badRecipients(given)];
  const { dsServer, file, contentType } = given;
  if (file === undefined && dsServer === undefined) {
    problems.push("--file: give a file to push, or --ds-server for a DS notification");
  }
  if (file !== undefined && dsServer !== undefined) problems.push("--file: give this or --ds-server, not both");
  if (file !== undefined && dsServer === undefined && contentType === undefined) {
    problems.push("--content-type: is required with --file");
  }
  return problems;
}

function badRecipients({ to = [], domain }: Partial<SendSettings>): string[] {
  return to.flatMap((text) => {
    try {
      parseRecipient(text, "--to", domain === undefined ? {} : { domain });
      return [];
    } catch (error) {
      return [error instanceof Error ? error.message.replace("option domain", "--domain") : String(error)];
    }
  });
}

async function send(io: Io, read: SendSettings): Promise<number> {
  const push = await pushOf(io, read);
  const tls = await readTls(io, read);
  const logger = createLogger(io);
  const outcomes = await naming(async () => {
    const sender = await PushSender.open({
      from: read.from,
      role: read.role,
      proxy: serializeUri(read.proxy),
      listen: read.listen ?? localAddresses(read.proxy),
      logger,
      ...(read.domain === undefined ? {} : { domain: read.domain }),
      ...(read.password === undefined ? {} : { credentials: [{ username: userOf(read), password: read.password }] }),
      stack: { tls },
    });
    try {
      return await sender.deliver(push, { to: read.to, signal: io.stop });
    } finally {
      await sender.close();
    }
  });
  report(io, outcomes, read.json);
  return outcomes.every(({ messageState }) => messageState === "delivered") ? exitCodes.done : exitCodes.notDelivered;
}

async function pushOf(io: Io, read: SendSettings): Promise<PushMessage> {
  const expires = read.expires === undefined ? {} : { expiresSeconds: read.expires };
  const { dsServer, file = "", contentType = "", app = null } = read;
  if (dsServer !== undefined) return { ...buildNotification(dsServer, read), ...expires };
  return { applicationId: app, contentType, body: await readInput(io, "--file", file), ...expires };
}

function userOf({ user, from }: SendSettings): string {
  return user ?? /^sips?:([^@:;]+)[@:]/i.exec(from)?.[1] ?? "push";
}

function report(io: Io, outcomes: readonly PushOutcome[], json: boolean): void {
  if (json) {
    for (const { to, messageState, papCode, sipStatus, sipReason, attempts, elapsedMs } of outcomes) {
      printJson(io, { to, messageState, papCode, sipStatus, sipReason, attempts, elapsedMs });
    }
    return;
  }
  io.stdout.write(table([["to", "state", "PAP", "SIP answer", "attempts", "time"], ...outcomes.map(outcomeRow)]));
  // Without an answer the reason is ours, and too long for a column.
  for (const { to, sipStatus, reason } of outcomes) {
    if (sipStatus === null) io.stdout.write(`${printable(`${to}: ${reason}`)}\n`);
  }
}

function outcomeRow({ to, messageState, papCode, sipStatus, sipReason, attempts, elapsedMs }: PushOutcome): string[] {
  const answer = sipStatus === null ? "none" : `${sipStatus} ${sipReason}`;
  return [to, messageState, String(papCode), answer, String(attempts), `${elapsedMs} ms`];
}
