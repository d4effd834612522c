import { type ProxyEventMap, parseUsers, SipProxy, type UserDirectory } from "@sip-push/proxy";
import { reasonPhrases, serializeListenAddress } from "@sip-push/sip";
import { z } from "zod";
import { readConfig, repeatable } from "../config.ts";
import { naming } from "../failures.ts";
import { listenAddress } from "../fields.ts";
import { checkTlsSettings, readInput, readTls, tlsSettings } from "../input-files.ts";
import { createLogger, type Io, printJson, untilStopped } from "../io.ts";
import type { Register } from "../run.ts";
import { printable } from "../text.ts";

const settings = {
  listen: z
    .array(listenAddress)
    .min(1, "give at least one address")
    .default([
      { transport: "UDP", address: "127.0.0.1", port: 5060 },
      { transport: "TCP", address: "127.0.0.1", port: 5060 },
      { transport: "WS", address: "127.0.0.1", port: 5080 },
    ]),
  domain: z.array(z.string()).default(["example.test"]),
  users: z.string().optional(),
  trusted: z.array(z.string()).optional(),
  relay: z.boolean().optional(),
  ...tlsSettings,
  json: z.boolean().default(false),
};

export const proxyCommand: Register = (program, io) => {
  program
    .command("proxy")
    .description("run a local SIP proxy and registrar")
    .option(
      "--listen <address>",
      "transport:address:port; may be repeated; udp and tcp on 5060 and ws on 5080 unless given",
      repeatable,
    )
    .option("--domain <name>", "domain it is responsible for; may be repeated; example.test unless given", repeatable)
    .option("--users <file>", "who may register: lines user:password; without it anybody may")
    .option(
      "--trusted <range>",
      "addresses whose P-Asserted-Identity is believed, such as 10.0.0.0/8; may be repeated",
      repeatable,
    )
    .option("--relay", "pass requests on to other domains for everybody")
    .option("--cert <file>", "certificate in PEM, for tls and wss")
    .option("--key <file>", "its key")
    .option("--ca <file>", "certificates to trust, PEM, for TLS and WSS")
    .option("--config <file>", "JSON file with these settings")
    .option("--json", "events as JSON lines on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push proxy
  sip-push proxy --listen udp:127.0.0.1:5070 --listen ws:127.0.0.1:8080 --domain home.test --users users.txt
  sip-push proxy --listen tls:127.0.0.1:5061 --cert server.crt --key server.key`,
    )
    .action(async (flags: Record<string, unknown>) => {
      const read = await readConfig(io, settings, flags, checkTlsSettings);
      const { listen, domain, users, trusted, relay } = read;
      const tls = await readTls(io, read);
      const logger = createLogger(io);
      const proxy = await SipProxy.open({
        listen,
        domains: domain,
        logger,
        tls,
        ...(users === undefined ? {} : { users: await readUsers(io, users) }),
        ...(trusted === undefined ? {} : { trusted }),
        ...(relay === undefined ? {} : { relay }),
      });
      reportEvents(proxy, io, read.json);
      await untilStopped(io);
      await proxy.close();
    });
};

async function readUsers(io: Io, path: string): Promise<UserDirectory> {
  const octets = await readInput(io, "--users", path);
  return naming(async () => parseUsers(new TextDecoder().decode(octets)));
}

/** How an event reads: as JSON, without what only this process understands, and for people. */
type Forms<Event> = readonly [toJson: (event: Event) => object, toText: (event: Event) => string];

/** `contacts-changed` tells what the first two tell one by one. */
type ToldEvent = Exclude<keyof ProxyEventMap, "contacts-changed">;

const forms: { readonly [Name in ToldEvent]: Forms<ProxyEventMap[Name]> } = {
  registered: [
    ({ binding: { aor, contact }, expiresSeconds }) => ({ aor, contact, expiresSeconds }),
    ({ binding: { aor, contact }, expiresSeconds }) => `registered ${aor} at ${contact} for ${expiresSeconds} s`,
  ],
  unregistered: [
    ({ binding: { aor, contact }, reason }) => ({ aor, contact, reason }),
    ({ binding: { aor, contact }, reason }) => `unregistered ${aor} at ${contact} (${reason})`,
  ],
  forwarded: [
    ({ method, requestUri, callId, targets, statusCode, elapsedMs }) => ({
      ...{ method, requestUri, callId, targets },
      sipStatus: statusCode ?? null,
      elapsedMs: Math.round(elapsedMs),
    }),
    ({ method, requestUri, targets, statusCode, elapsedMs }) =>
      `${method} ${requestUri} -> ${targets.join(", ")}: ${statusCode ?? "no answer"} in ${Math.round(elapsedMs)} ms`,
  ],
  refused: [
    ({ method, requestUri, callId, statusCode, reason }) => ({
      ...{ method, requestUri, callId },
      sipStatus: statusCode,
      reason: reason || (reasonPhrases[statusCode] ?? ""),
    }),
    ({ method, requestUri, statusCode, reason }) =>
      `${method} ${requestUri}: ${statusCode} ${reason || (reasonPhrases[statusCode] ?? "")}`,
  ],
};

function reportEvents(proxy: SipProxy, io: Io, json: boolean): void {
  const on = <Name extends ToldEvent>(event: Name, [toJson, toText]: Forms<ProxyEventMap[Name]>): void => {
    proxy.on(event, (value) => {
      if (json) printJson(io, { event, ...toJson(value) });
      else io.stdout.write(`${printable(toText(value))}\n`);
    });
  };
  on("registered", forms.registered);
  on("unregistered", forms.unregistered);
  on("forwarded", forms.forwarded);
  on("refused", forms.refused);
  const addresses = proxy.listening.map(serializeListenAddress);
  if (json) printJson(io, { event: "listening", addresses });
  else io.stdout.write(`listening on ${addresses.join(", ")}; Ctrl-C ends it\n`);
}
