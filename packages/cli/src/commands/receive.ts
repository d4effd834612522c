import {
  type DigestPolicy,
  type PushEvent,
  PushReceiver,
  type PushReceiverOptions,
  pushEventToJson,
  type ReceiverEvent,
} from "@sip-push/receiver";
import { parseUri, type SipUri, serializeUri } from "@sip-push/sip";
import { z } from "zod";
import { readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { aorText, applicationId, instanceUrn, listenAddress, oneOf, sipUri, wholeNumber } from "../fields.ts";
import { checkTlsSettings, readTls, tlsSettings } from "../input-files.ts";
import { createLogger, exitCodes, type Io, printJson } from "../io.ts";
import { openBehind } from "../local-addresses.ts";
import type { Register } from "../run.ts";
import { describePush, printable } from "../text.ts";

const settings = {
  aor: aorText,
  proxy: sipUri.optional(),
  register: z.boolean().default(true),
  user: z.string().optional(),
  password: z.string().optional(),
  app: z.array(applicationId).min(1, "give at least one application").default(["push.syncml"]),
  listen: z.array(listenAddress).min(1, "give at least one address").optional(),
  expires: wholeNumber(1, 0x7fff_ffff).optional(),
  instance: instanceUrn.optional(),
  dsPassword: z.string().optional(),
  dsNonce: z.string().optional(),
  invalidDigest: oneOf(["refuse", "drop", "accept"]).default("refuse"),
  answer: wholeNumber(200, 699).optional(),
  trustPpg: z.array(z.string()).optional(),
  trustedHop: z.array(z.string()).optional(),
  count: wholeNumber(1, 1_000_000_000).optional(),
  ...tlsSettings,
  json: z.boolean().default(false),
};

type ReceiveSettings = Settings<typeof settings>;

export const receiveCommand: Register = (program, io, finish) => {
  program
    .command("receive")
    .description("be a handset: register, take pushes, and say what they are")
    .option("--aor <uri>", "who the handset is, such as sip:alice@example.test")
    .option("--proxy <uri>", "SIP proxy to register with, such as 'sip:127.0.0.1:5060;transport=udp'")
    .option("--no-register", "only listen; --proxy is then the hop whose P-Asserted-Identity is believed")
    .option("--user <name>", "user name for the registrar's challenge; the one of --aor unless given")
    .option("--password <text>", "password for the registrar's challenge")
    .option(
      "--app <id>",
      "application that takes pushes; may be repeated; push.syncml unless given, * for any",
      repeatable,
    )
    .option(
      "--listen <address>",
      "where to listen, such as udp:127.0.0.1:0; may be repeated; to suit --proxy unless given",
      repeatable,
    )
    .option("--expires <seconds>", "how long a registration lasts; 3600 unless given")
    .option(
      "--instance <urn>",
      "name of this handset over restarts, such as urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    )
    .option("--ds-password <text>", "password shared with the DS server: digests are checked")
    .option("--ds-nonce <text>", "nonce shared with it")
    .option(
      "--invalid-digest <what>",
      "refuse (403, default), drop (200, not handed over) or accept a push whose digest is wrong",
    )
    .option("--answer <code>", "answer pushes with this SIP status, such as 603 (user refuses) or 486 (busy)")
    .option("--trust-ppg <who>", "take pushes from this identity or address only; may be repeated", repeatable)
    .option(
      "--trusted-hop <range>",
      "whose P-Asserted-Identity is believed, instead of the proxy's; may be repeated",
      repeatable,
    )
    .option("--count <n>", "end with exit code 0 after so many pushes")
    .option("--ca <file>", "certificates to trust, PEM, for TLS and WSS")
    .option("--cert <file>", "certificate in PEM, to listen on tls or wss")
    .option("--key <file>", "its key")
    .option("--config <file>", "JSON file with these settings")
    .option("--json", "one JSON object per event on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push receive --aor sip:alice@example.test --proxy sip:127.0.0.1:5060
  sip-push receive --aor sip:bob@example.test --proxy 'sip:127.0.0.1:5080;transport=ws' --count 1 --json
  sip-push receive --aor sip:carol@example.test --no-register --listen udp:127.0.0.1:5090 --app '*' --answer 486

Ctrl-C unregisters and ends.`,
    )
    .action(async (flags: Record<string, unknown>) => {
      // Commander says true for a --no-… flag that was not given, and would so overrule the environment.
      const { register, ...others } = flags;
      const read = await readConfig(io, settings, register === false ? flags : others, check);
      finish(await receive(io, read));
    });
};

/** What lies in how the settings go together. */
function check(given: Partial<ReceiveSettings>): string[] {
  const problems = checkTlsSettings(given);
  if (given.proxy === undefined && given.register !== false) {
    problems.push("--proxy: is required, unless --no-register is given");
  }
  if (given.dsNonce !== undefined && given.dsPassword === undefined) {
    problems.push("--ds-nonce: checks a digest only together with --ds-password");
  }
  return problems;
}

async function receive(io: Io, read: ReceiveSettings): Promise<number> {
  const tls = await readTls(io, read);
  const logger = createLogger(io);
  return new Promise((resolve, reject) => {
    let left = read.count ?? Number.POSITIVE_INFINITY;
    const ended = new AbortController();
    const options: PushReceiverOptions = {
      ...optionsOf(read),
      stack: { tls },
      logger,
      onEvent: (event) => reportEvent(io, read, event),
      onPush: (push) => {
        if (left-- <= 0) return;
        reportPush(io, read, push);
        if (left === 0) ended.abort();
      },
    };
    naming(() => open(read, options)).then((receiver) => {
      const close = (): void => void receiver.close().then(() => resolve(exitCodes.done), reject);
      const either = AbortSignal.any([io.stop, ended.signal]);
      if (either.aborted) close();
      else either.addEventListener("abort", close, { once: true });
    }, reject);
  });
}

/** Where nobody says where to listen: a free port of this machine, on loopback. */
const anywhere: SipUri = { scheme: "sip", host: "127.0.0.1", params: new Map(), headers: [] };

function open({ listen, proxy = anywhere }: ReceiveSettings, options: PushReceiverOptions): Promise<PushReceiver> {
  if (listen !== undefined) return PushReceiver.open({ ...options, listen });
  return openBehind(proxy, (addresses) => PushReceiver.open({ ...options, listen: addresses }));
}

function optionsOf(read: ReceiveSettings): PushReceiverOptions {
  const { aor, proxy, register, password, app, expires, instance, answer, trustPpg, trustedHop } = read;
  const digest = digestPolicyOf(read);
  return {
    aor,
    register,
    applications: app,
    ...(proxy === undefined ? {} : { proxy: serializeUri(proxy) }),
    ...(password === undefined ? {} : { credentials: [{ username: userOf(read), password }] }),
    ...(expires === undefined ? {} : { expiresSeconds: expires }),
    ...(instance === undefined ? {} : { instanceId: instance }),
    ...(answer === undefined ? {} : { handlers: { default: () => ({ statusCode: answer }) } }),
    ...(trustPpg === undefined ? {} : { trustedPpgs: trustPpg.map((address) => ({ address })) }),
    ...(trustedHop === undefined ? {} : { trustedHops: trustedHop }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function digestPolicyOf({ dsPassword, dsNonce = "", invalidDigest }: ReceiveSettings): DigestPolicy | undefined {
  if (dsPassword === undefined) return undefined;
  return { credentials: () => ({ password: dsPassword, nonce: dsNonce }), onInvalid: invalidDigest };
}

function userOf({ user, aor }: ReceiveSettings): string {
  if (user !== undefined) return user;
  const uri = parseUri(aor, "--aor");
  return (uri.scheme === "sip" || uri.scheme === "sips" ? uri.user : undefined) ?? "";
}

function reportPush(io: Io, { json }: ReceiveSettings, push: PushEvent): void {
  if (json) printJson(io, pushEventToJson(push));
  else io.stdout.write(`${describePush(push)}\n`);
}

/** The events of the command line contract go to standard output as JSON; all of them are there for people. */
function reportEvent(io: Io, { json, aor }: ReceiveSettings, event: ReceiverEvent): void {
  switch (event.event) {
    case "listening":
      if (json) printJson(io, { event: "listening", uri: event.uri });
      else io.stdout.write(`listening as ${printable(event.uri)}; Ctrl-C ends it\n`);
      return;
    case "registered":
      if (json) printJson(io, { event: "registered", aor, expiresSeconds: event.expiresSeconds });
      else io.stdout.write(`registered ${aor} for ${event.expiresSeconds} s\n`);
      return;
    case "registration-failed": {
      const { sipStatus, reason, retryInMs } = event;
      if (json) printJson(io, { event: "registration-failed", sipStatus, reason });
      const answer = sipStatus === null ? reason : `${sipStatus} ${reason}`;
      const wait = `trying again in ${(retryInMs / 1000).toFixed(1)} s`;
      if (!json) io.stdout.write(`could not register ${aor}: ${printable(answer)}; ${wait}\n`);
      return;
    }
    case "unregistered":
      if (!json) io.stdout.write(`unregistered ${aor}\n`);
      return;
    case "refused":
      io.stderr.write(`${printable(`refused a push from ${event.from}: ${event.sipStatus} ${event.reason}`)}\n`);
      return;
    default:
      event satisfies never;
  }
}
