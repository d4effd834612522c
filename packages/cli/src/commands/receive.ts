import { PushReceiver, type PushReceiverOptions, pushEventToJson } from "@sip-push/receiver";
import type { SipUri } from "@sip-push/sip";
import { z } from "zod";
import { readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import {
  akaKeys,
  aorText,
  applicationId,
  headerText,
  instanceUrn,
  listenAddress,
  oneOf,
  sipUri,
  sipUriText,
  trustedPeer,
  wholeNumber,
} from "../fields.ts";
import { checkTlsSettings, readTls, tlsSettings } from "../input-files.ts";
import { createLogger, exitCodes, type Io, printJson } from "../io.ts";
import { openBehind } from "../local-addresses.ts";
import { receiverEventToJson, receiverEventToText } from "../receiver-events.ts";
import { receiverOptions } from "../receiver-options.ts";
import type { Register } from "../run.ts";
import { describePush, printable } from "../text.ts";

const settings = {
  aor: aorText,
  proxy: z.array(sipUri).min(1, "give at least one proxy").optional(),
  register: z.boolean().default(true),
  user: z.string().optional(),
  password: z.string().optional(),
  aka: akaKeys.optional(),
  akaSqn: z.string().optional(),
  app: z.array(applicationId).min(1, "give at least one application").default(["push.syncml"]),
  listen: z.array(listenAddress).min(1, "give at least one address").optional(),
  expires: wholeNumber(1, 0x7fff_ffff).optional(),
  instance: instanceUrn.optional(),
  role: oneOf<NonNullable<PushReceiverOptions["role"]>>(["gm", "plain"]).default("plain"),
  accessNetworkInfo: headerText.optional(),
  trustedAccess: z.boolean().optional(),
  pnProvider: z.string().min(1, "is empty").optional(),
  pnPrid: z.string().min(1, "is empty").optional(),
  subscribe: z.array(sipUriText).optional(),
  publish: z.boolean().optional(),
  publishTo: sipUriText.optional(),
  refer: oneOf(["accept", "refuse"]).optional(),
  report: z.boolean().default(true),
  dsPassword: z.string().optional(),
  dsNonce: z.string().optional(),
  invalidDigest: oneOf(["refuse", "drop", "accept"]).default("refuse"),
  answer: wholeNumber(200, 699).optional(),
  trustPpg: z.array(z.string()).optional(),
  trustedHop: z.array(trustedPeer).optional(),
  count: wholeNumber(1, 1_000_000_000).optional(),
  ...tlsSettings,
  json: z.boolean().default(false),
};

type ReceiveSettings = Settings<typeof settings>;

export const receiveCommand: Register = (command, io, finish) => {
  command
    .optionsGroup("Who it is, and how it reaches the core:")
    .option("--aor <uri>", "who the handset is, such as sip:alice@example.test")
    .option(
      "--proxy <uri>",
      "SIP proxy to register with, such as 'sip:127.0.0.1:5060;transport=udp'; with two, one flow to each (RFC 5626)",
      repeatable,
    )
    .option("--no-register", "only listen; --proxy is then the hop whose P-Asserted-Identity is believed")
    .option("--expires <seconds>", "how long a registration lasts; 3600 unless given")
    .option(
      "--instance <urn>",
      "name of this handset over restarts, such as urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6",
    )
    .option("--user <name>", "user name for the registrar's challenge; the one of --aor unless given")
    .option("--password <text>", "password for the registrar's challenge")
    .option("--aka <k,opc>", "answer it with a USIM instead (IMS AKA): K and OPc, 32 hex digits each")
    .option("--aka-sqn <file>", "where the USIM keeps its sequence numbers over restarts")
    .option("--role <role>", "gm: a terminal of an IMS, states who it is by P-Preferred-Identity; plain (default)")
    .option("--access-network-info <text>", "P-Access-Network-Info, sent where the way to the proxy is secure")
    .option("--trusted-access", "that way is secure without TLS: IPsec, or one machine")
    .option("--pn-provider <name>", "push notification service that wakes the handset, such as fcm (RFC 8599)")
    .option("--pn-prid <id>", "the device's id there")
    .option(
      "--listen <address>",
      "where to listen, such as udp:127.0.0.1:0; may be repeated; to suit --proxy unless given",
      repeatable,
    )
    .option("--ca <file>", "certificates to trust, PEM, for TLS and WSS")
    .option("--cert <file>", "certificate in PEM, to listen on tls or wss, and to show to the proxy")
    .option("--key <file>", "its key")
    .optionsGroup("Pushes:")
    .option(
      "--app <id>",
      "application that takes pushes; may be repeated; push.syncml unless given, * for any",
      repeatable,
    )
    .option("--subscribe <uri>", "subscribe to this push sender with all --app; may be repeated", repeatable)
    .option("--refer <what>", "references to subscribe: accept (default) or refuse (403)")
    .option("--publish", "publish what the handset can take, as presence")
    .option("--publish-to <uri>", "publish it to this push sender instead of --aor")
    .option("--report", "send the delivery reports that are asked for (default)")
    .option("--no-report", "send none")
    .option("--ds-password <text>", "password shared with the DS server: digests are checked")
    .option("--ds-nonce <text>", "nonce shared with it")
    .option(
      "--invalid-digest <what>",
      "refuse (403, default), drop (200, not handed over) or accept a push whose digest is wrong",
    )
    .option("--answer <code>", "answer pushes with this SIP status, such as 603 (user refuses) or 486 (busy)")
    .option("--trust-ppg <who>", "take pushes from this identity or address only; may be repeated", repeatable)
    .option(
      "--trusted-hop <peer>",
      "address, range or TLS name whose P-Asserted-Identity is believed, instead of the proxy's; may be repeated",
      repeatable,
    )
    .option("--count <n>", "end with exit code 0 after so many pushes")
    .optionsGroup("Options:")
    .option("--config <file>", "JSON file with these settings")
    .option("--json", "one JSON object per event on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push receive --aor sip:alice@example.test --proxy sip:127.0.0.1:5060
  sip-push receive --aor sip:bob@example.test --proxy 'sip:127.0.0.1:5080;transport=ws' --count 1 --json
  sip-push receive --aor sip:alice@example.test --proxy sip:127.0.0.1:5060 --subscribe sip:push@example.test --publish
  sip-push receive --aor sip:carol@example.test --no-register --listen udp:127.0.0.1:5090 --app '*' --answer 486

Ctrl-C unsubscribes, unregisters and ends.`,
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
  const { proxy, register, instance, aka, akaSqn, password, dsNonce, dsPassword, pnProvider, pnPrid } = given;
  const rules: ReadonlyArray<readonly [broken: boolean, problem: string]> = [
    [proxy === undefined && register !== false, "--proxy: is required, unless --no-register is given"],
    [(proxy?.length ?? 0) > 1 && register === false, "--proxy: give one only with --no-register"],
    [(proxy?.length ?? 0) > 1 && instance === undefined, "--instance: is required with several --proxy (RFC 5626)"],
    [aka !== undefined && password !== undefined, "--aka: give this or --password, not both"],
    [akaSqn !== undefined && aka === undefined, "--aka-sqn: keeps nothing without --aka"],
    [pnPrid !== undefined && pnProvider === undefined, "--pn-prid: says nothing without --pn-provider"],
    [dsNonce !== undefined && dsPassword === undefined, "--ds-nonce: checks a digest only together with --ds-password"],
  ];
  return [...checkTlsSettings(given), ...rules.filter(([broken]) => broken).map(([, problem]) => problem)];
}

async function receive(io: Io, read: ReceiveSettings): Promise<number> {
  const tls = await readTls(io, read);
  const logger = createLogger(io);
  const given = await naming(async () => receiverOptions(read));
  return new Promise((resolve, reject) => {
    let left = read.count ?? Number.POSITIVE_INFINITY;
    const ended = new AbortController();
    const options: PushReceiverOptions = {
      ...given,
      stack: { tls },
      logger,
      onEvent: (event) => {
        if (event.event === "refused") io.stderr.write(`${printable(receiverEventToText(event))}\n`);
        else if (!read.json) io.stdout.write(`${printable(receiverEventToText(event))}\n`);
        else {
          const json = receiverEventToJson(event);
          if (json !== undefined) printJson(io, json);
        }
      },
      onPush: (push) => {
        if (left-- <= 0) return;
        if (read.json) printJson(io, pushEventToJson(push));
        else io.stdout.write(`${describePush(push)}\n`);
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

function open({ listen, proxy = [anywhere] }: ReceiveSettings, options: PushReceiverOptions): Promise<PushReceiver> {
  if (listen !== undefined) return PushReceiver.open({ ...options, listen });
  return openBehind(proxy, (addresses) => PushReceiver.open({ ...options, listen: addresses }));
}
