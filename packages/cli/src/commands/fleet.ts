import { HandsetFleet, type HandsetFleetOptions, pushEventToJson } from "@sip-push/receiver";
import { type SipUri, serializeUri } from "@sip-push/sip";
import { z } from "zod";
import { readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { aorText, applicationId, listenAddress, oneOf, sipUri, trustedPeer, wholeNumber } from "../fields.ts";
import { FleetPrinter } from "../fleet-events.ts";
import { checkTlsSettings, readTls, tlsSettings } from "../input-files.ts";
import { createLogger, exitCodes, type Io, printJson } from "../io.ts";
import { openBehind } from "../local-addresses.ts";
import type { Register } from "../run.ts";
import { describePush } from "../text.ts";

/** An address-of-record in which `{n}` stands for the number of the handset. */
const aorTemplate = z.string().superRefine((text, context) => {
  const checked = aorText.safeParse(text.replaceAll("{n}", "1"));
  for (const { message } of checked.error?.issues ?? []) context.addIssue({ code: "custom", message });
});

const settings = {
  count: wholeNumber(1, 1_000_000),
  aor: aorTemplate,
  proxy: sipUri.optional(),
  register: z.boolean().default(true),
  password: z.string().optional(),
  expires: wholeNumber(1, 0x7fff_ffff).optional(),
  registerRate: wholeNumber(1, 1_000_000).optional(),
  listen: z.array(listenAddress).min(1, "give at least one address").optional(),
  app: z.array(applicationId).min(1, "give at least one application").default(["push.syncml"]),
  answer: wholeNumber(200, 699).optional(),
  report: z.boolean().default(true),
  trustPpg: z.array(z.string()).optional(),
  trustedHop: z.array(trustedPeer).optional(),
  duplicatesBy: oneOf<NonNullable<HandsetFleetOptions["duplicatesBy"]>>(["call-id", "body"]).optional(),
  endAfter: wholeNumber(1, 1_000_000_000).optional(),
  stats: wholeNumber(1, 86_400).optional(),
  pushes: z.boolean().default(false),
  ...tlsSettings,
  json: z.boolean().default(false),
};

type FleetSettings = Settings<typeof settings>;

export const fleetCommand: Register = (command, io, finish) => {
  command
    .optionsGroup("Who they are, and how they reach the core:")
    .option("--count <n>", "how many handsets")
    .option("--aor <uri>", "who each is; {n} stands for its number from 1 on: sip:handset{n}@example.test")
    .option("--proxy <uri>", "SIP proxy to register with, such as 'sip:127.0.0.1:5060;transport=tcp'")
    .option("--no-register", "only listen; --proxy is then the hop that is believed, and that takes reports")
    .option("--password <text>", "password of all for the registrar's challenge; the user name is that of the AoR")
    .option("--expires <seconds>", "how long a registration lasts; 3600 unless given")
    .option("--register-rate <n>", "registrations a second; 500 unless given")
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
    .option("--answer <code>", "answer pushes with this SIP status, such as 603 (user refuses) or 486 (busy)")
    .option("--report", "send the delivery reports that are asked for (default)")
    .option("--no-report", "send none")
    .option("--trust-ppg <who>", "take pushes from this identity or address only; may be repeated", repeatable)
    .option(
      "--trusted-hop <peer>",
      "address, range or TLS name whose P-Asserted-Identity is believed, instead of the proxy's; may be repeated",
      repeatable,
    )
    .option("--duplicates-by <what>", "what makes two pushes to one handset the same: call-id (default) or body")
    .option("--end-after <n>", "end with exit code 0 after so many pushes")
    .optionsGroup("Options:")
    .option("--stats <seconds>", "say what was counted every so often; at the end it always does")
    .option("--pushes", "say every push, report and refusal as well")
    .option("--config <file>", "JSON file with these settings")
    .option("--json", "one JSON object per event on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push fleet --count 1000 --aor 'sip:handset{n}@example.test' --proxy sip:127.0.0.1:5060
  sip-push fleet --count 50 --aor 'sip:h{n}@home.test' --proxy 'sip:127.0.0.1:5060;transport=tcp' --json --stats 10
  sip-push fleet --count 9 --aor 'sip:h{n}@home.test' --no-register --listen udp:127.0.0.1:5090 --app '*' --pushes

Ctrl-C unregisters as many as it can in a second, and ends.`,
    )
    .action(async (flags: Record<string, unknown>) => {
      // Commander says true for a --no-… flag that was not given, and would so overrule the environment.
      const { register, ...others } = flags;
      const read = await readConfig(io, settings, register === false ? flags : others, check);
      finish(await fleet(io, read));
    });
};

/** What lies in how the settings go together. */
function check(given: Partial<FleetSettings>): string[] {
  const { proxy, register, count, aor } = given;
  const problems = checkTlsSettings(given);
  if (proxy === undefined && register !== false) {
    problems.push("--proxy: is required, unless --no-register is given");
  }
  if (count !== undefined && count > 1 && aor?.includes("{n}") === false) {
    problems.push("--aor: write {n} for the number of the handset, such as sip:handset{n}@example.test");
  }
  return problems;
}

async function fleet(io: Io, read: FleetSettings): Promise<number> {
  const tls = await readTls(io, read);
  const logger = createLogger(io);
  const printer = new FleetPrinter(io, { json: read.json, each: read.pushes });
  const ended = new AbortController();
  let left = read.endAfter ?? Number.POSITIVE_INFINITY;
  const options: Omit<HandsetFleetOptions, "listen"> = {
    ...fleetOptions(read),
    stack: { tls },
    logger,
    onEvent: (event) => printer.event(event),
    onPush: (push, { aor }) => {
      if (read.pushes && left > 0) {
        if (read.json) printJson(io, { ...pushEventToJson(push), aor });
        else io.stdout.write(`${aor}: ${describePush(push)}\n`);
      }
      if (--left === 0) ended.abort();
    },
  };
  const opened = await naming(() => open(read, options));
  const ticker =
    read.stats === undefined ? undefined : setInterval(() => printer.stats(opened.stats), read.stats * 1000);
  await untilEither(io.stop, ended.signal);
  clearInterval(ticker);
  // Before they leave: how many were registered is worth knowing.
  const { registered } = opened.stats;
  await opened.close();
  printer.stats({ ...opened.stats, registered });
  return exitCodes.done;
}

function fleetOptions(read: FleetSettings): Omit<HandsetFleetOptions, "listen"> {
  const { count, aor, proxy, register, password, expires, registerRate, app, answer, report } = read;
  const { trustPpg, trustedHop, duplicatesBy } = read;
  return {
    count,
    aor,
    register,
    applications: app,
    reports: report ? "send" : "never",
    ...(proxy === undefined ? {} : { proxy: serializeUri(proxy) }),
    ...(password === undefined ? {} : { credentials: { password } }),
    ...(expires === undefined ? {} : { expiresSeconds: expires }),
    ...(registerRate === undefined ? {} : { pace: { registersPerSecond: registerRate } }),
    ...(answer === undefined ? {} : { answer }),
    ...(trustPpg === undefined ? {} : { trustedPpgs: trustPpg.map((address) => ({ address })) }),
    ...(trustedHop === undefined ? {} : { trustedHops: trustedHop }),
    ...(duplicatesBy === undefined ? {} : { duplicatesBy }),
  };
}

/** Where nobody says where to listen: a free port of this machine, on loopback. */
const anywhere: SipUri = { scheme: "sip", host: "127.0.0.1", params: new Map(), headers: [] };

function open(
  { listen, proxy = anywhere }: FleetSettings,
  options: Omit<HandsetFleetOptions, "listen">,
): Promise<HandsetFleet> {
  if (listen !== undefined) return HandsetFleet.open({ ...options, listen });
  return openBehind(proxy, (addresses) => HandsetFleet.open({ ...options, listen: addresses }));
}

function untilEither(...signals: readonly AbortSignal[]): Promise<void> {
  const either = AbortSignal.any([...signals]);
  if (either.aborted) return Promise.resolve();
  return new Promise((resolve) => either.addEventListener("abort", () => resolve(), { once: true }));
}
