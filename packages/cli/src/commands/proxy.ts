import { type ProxyEventMap, parseUsers, SipProxy, type SipProxyOptions, type UserDirectory } from "@sip-push/proxy";
import { reasonPhrases, serializeListenAddress, type TlsOptions } from "@sip-push/sip";
import { z } from "zod";
import { readConfig, repeatable, type Settings } from "../config.ts";
import { naming } from "../failures.ts";
import { listenAddress, methodRoute, oneOf, psiRoute, sipUriText, trustedPeer, wholeNumber } from "../fields.ts";
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
  trusted: z.array(trustedPeer).optional(),
  relay: z.boolean().optional(),
  digest: z.array(z.string()).min(1, "give at least one algorithm").optional(),
  presence: z.boolean().default(true),
  regEvent: z.boolean().default(true),
  watcher: z.array(sipUriText).optional(),
  routePsi: z.array(psiRoute).optional(),
  routeMethod: z.array(methodRoute).optional(),
  thirdPartyRegister: z.array(sipUriText).optional(),
  serviceRoute: z.array(z.string()).optional(),
  flowTimer: wholeNumber(0, 86_400).optional(),
  clientCertificates: oneOf(["ask", "require"]).optional(),
  ...tlsSettings,
  json: z.boolean().default(false),
};

type ProxySettings = Settings<typeof settings>;

export const proxyCommand: Register = (command, io) => {
  command
    .optionsGroup("Where it is, and for whom:")
    .option(
      "--listen <address>",
      "transport:address:port; may be repeated; udp and tcp on 5060 and ws on 5080 unless given",
      repeatable,
    )
    .option("--domain <name>", "domain it is responsible for; may be repeated; example.test unless given", repeatable)
    .option("--users <file>", "who may register: lines user:password, or JSON, also with USIMs; without it anybody may")
    .option(
      "--digest <algorithm>",
      "what to offer, best first, such as SHA-256 or AKAv2-SHA-256; may be repeated; to suit --users unless given",
      repeatable,
    )
    .option(
      "--trusted <peer>",
      "address, range or TLS name whose P-Asserted-Identity is believed, such as 10.0.0.0/8; may be repeated",
      repeatable,
    )
    .option("--relay", "pass requests on to other domains for everybody")
    .option("--cert <file>", "certificate in PEM, for tls and wss")
    .option("--key <file>", "its key")
    .option("--ca <file>", "certificates to trust, PEM, for TLS and WSS")
    .option("--client-certificates <what>", "ask TLS clients for a certificate, or require one; --ca says whose")
    .optionsGroup("What it does:")
    .option("--no-presence", "no presence agent: pass PUBLISH and SUBSCRIBE to presence on")
    .option("--no-reg-event", "do not tell who is registered (RFC 3680)")
    .option(
      "--watcher <uri>",
      "user who may watch who is registered, such as a push gateway with --users; may be repeated",
      repeatable,
    )
    .option(
      "--route-psi <uri=uri>",
      "a service and where it is: sip:push@example.test=sip:127.0.0.1:5090; may be repeated",
      repeatable,
    )
    .option(
      "--route-method <method=uri>",
      "requests to users that go through an application server first: MESSAGE=sip:127.0.0.1:5090; may be repeated",
      repeatable,
    )
    .option(
      "--third-party-register <uri>",
      "application server to tell of every registration; may be repeated",
      repeatable,
    )
    .option("--service-route <uri>", "route that it gives to handsets, or own; may be repeated", repeatable)
    .option(
      "--flow-timer <seconds>",
      "how often handsets keep a connection alive; 120 unless given, 0: they are not told",
    )
    .optionsGroup("Options:")
    .option("--config <file>", "JSON file with these settings")
    .option("--json", "events as JSON lines on standard output")
    .addHelpText(
      "after",
      `
Examples:
  sip-push proxy
  sip-push proxy --listen udp:127.0.0.1:5070 --listen ws:127.0.0.1:8080 --domain home.test --users users.txt
  sip-push proxy --listen tls:127.0.0.1:5061 --cert server.crt --key server.key --ca ca.crt --client-certificates require
  sip-push proxy --route-psi sip:push@example.test=sip:127.0.0.1:5090 --third-party-register sip:127.0.0.1:5090`,
    )
    .action(async (flags: Record<string, unknown>) => {
      // Commander says true for a --no-… flag that was not given, and would so overrule the environment.
      const { presence, regEvent, ...others } = flags;
      const given = { ...others, ...(presence === false && { presence }), ...(regEvent === false && { regEvent }) };
      const read = await readConfig(io, settings, given, check);
      const proxy = await naming(async () => SipProxy.open(await proxyOptions(io, read)));
      reportEvents(proxy, io, read.json);
      await untilStopped(io);
      await proxy.close();
    });
};

/** What lies in how the settings go together. */
function check(given: Partial<ProxySettings>): string[] {
  const problems = checkTlsSettings(given);
  if (given.clientCertificates !== undefined && given.ca === undefined) {
    problems.push("--ca: is required with --client-certificates: whose certificates to take");
  }
  if (given.watcher !== undefined && given.regEvent === false) {
    problems.push("--watcher: has no effect with --no-reg-event");
  }
  return problems;
}

async function proxyOptions(io: Io, read: ProxySettings): Promise<SipProxyOptions> {
  const { listen, domain, users, trusted, relay, digest, presence, flowTimer, serviceRoute: route } = read;
  return {
    listen,
    domains: domain,
    logger: createLogger(io),
    tls: { ...(await readTls(io, read)), ...clientCertificates(read) },
    applicationServers: applicationServersOf(read),
    ...(users === undefined ? {} : { users: await readUsers(io, users) }),
    ...(trusted === undefined ? {} : { trusted }),
    ...(relay === undefined ? {} : { relay }),
    ...(digest === undefined ? {} : { digestAlgorithms: digest }),
    ...(presence ? {} : { presence: false as const }),
    ...regEventOptions(read),
    ...(flowTimer === undefined ? {} : { flowTimerSeconds: flowTimer }),
    ...(route === undefined ? {} : { serviceRoute: route.length === 1 && route[0] === "own" ? "own" : route }),
  };
}

/** RFC 3680 §4.6: who may watch is settled beforehand. */
function regEventOptions({ regEvent, watcher: watchers }: ProxySettings): Pick<SipProxyOptions, "regEvent"> {
  if (!regEvent) return { regEvent: false };
  return watchers === undefined ? {} : { regEvent: { watchers } };
}

/** RFC 5922 §7.4. */
function clientCertificates({ clientCertificates: what }: ProxySettings): TlsOptions {
  if (what === undefined) return {};
  return what === "require" ? { requireClientCertificate: true } : { askClientCertificate: true };
}

/** One application server per address, with all that goes to it. */
function applicationServersOf(read: ProxySettings): NonNullable<SipProxyOptions["applicationServers"]> {
  const { routePsi = [], routeMethod = [], thirdPartyRegister = [] } = read;
  const uris = new Set([...[...routePsi, ...routeMethod].map(({ to }) => to), ...thirdPartyRegister]);
  return [...uris].map((uri) => {
    const methods = routeMethod.filter(({ to }) => to === uri).map(({ what }) => what);
    return {
      uri,
      serviceIdentities: routePsi.filter(({ to }) => to === uri).map(({ what }) => what),
      ...(methods.length === 0 ? {} : { methods }),
      thirdPartyRegister: thirdPartyRegister.includes(uri),
    };
  });
}

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
