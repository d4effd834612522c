import { type PartialSenderOptions, senderOptionProblems } from "@sip-push/sender";
import { type ListenAddress, parseListenAddress } from "@sip-push/sip";
import { z } from "zod";
import { flag, listOf, oneOf, plainText, readTextBy, section, someOf, wholeNumber } from "./fields.ts";
import { certificateFile, keyFile, pairRules } from "./pem.ts";
import { ownPassword } from "./secrets.ts";
import { checkedTogether, type Right, type Rule } from "./together.ts";
import type { SipConfig } from "./types.ts";
import { type ConfigWorld, SettingProblem } from "./world.ts";

/** RFC 3261 §20.19. */
const MAX_SECONDS = 0xffff_ffff;

const listenAddress: z.ZodType<ListenAddress> = readTextBy((text) => {
  try {
    return parseListenAddress(text);
  } catch (error) {
    throw new SettingProblem(error instanceof Error ? error.message.replace(/^cannot listen on /, "") : String(error));
  }
});

function tlsSection(world: ConfigWorld): z.ZodType<SipConfig["tls"]> {
  const settings = section({
    certificate: certificateFile(world).optional(),
    key: keyFile(world).optional(),
    ca: certificateFile(world).optional(),
  });
  return checkedTogether(settings, pairRules).transform(({ certificate, key, ca }) => ({
    certificate: certificate ?? null,
    key: key ?? null,
    ca: ca ?? null,
  }));
}

/** What is any text here `senderRules` checks. */
function sipSettings(world: ConfigWorld) {
  return section({
    from: plainText,
    listen: someOf(listenAddress, "address"),
    role: oneOf(["isc", "gm", "plain"]).default("isc"),
    proxy: plainText.optional(),
    route: listOf(plainText).default([]),
    contact: plainText.optional(),
    identity: plainText.optional(),
    servedUser: plainText.optional(),
    domain: plainText.optional(),
    register: flag.default(false),
    credentials: section({ user: plainText, password: ownPassword(world) }).optional(),
    trusted: listOf(plainText).default([]),
    chargingVector: flag.default(false),
    thirdPartyRegister: flag.default(false),
    acceptContact: oneOf(["application", "unknown", "any"]).default("application"),
    allowOverlap: flag.default(false),
    maxInFlight: wholeNumber(1, 100_000).default(1_000),
    capabilities: section({ query: flag.default(false), presence: flag.default(false) }).prefault({}),
    subscriptions: section({
      requireAsserted: flag.default(true),
      maxExpiresSeconds: wholeNumber(60, MAX_SECONDS).default(86_400),
      maxSubscriptions: wholeNumber(1, 10_000_000).default(100_000),
    }).prefault({}),
    tls: tlsSection(world).prefault({}),
  });
}

type SipSettings = z.output<ReturnType<typeof sipSettings>>;

export function sipSection(world: ConfigWorld): z.ZodType<SipConfig> {
  return checkedTogether(sipSettings(world), (right) => [...senderRules(right), ...ownRules(right)]).transform(
    ({ proxy, contact, identity, servedUser, domain, credentials, ...rest }): SipConfig => ({
      ...rest,
      proxy: proxy ?? null,
      contact: contact ?? null,
      identity: identity ?? null,
      servedUser: servedUser ?? null,
      domain: domain ?? null,
      credentials: credentials ?? null,
    }),
  );
}

/** What the sender would refuse: its options have the names of the settings. */
function senderRules({ acceptContact: _a, credentials: _b, tls: _c, ...options }: Right<SipSettings>): Rule[] {
  return senderOptionProblems(options as PartialSenderOptions).map(({ field, message }) => [
    true,
    keysOf(field),
    message.slice(field.length + 2),
  ]);
}

/** What it does not look at. */
function ownRules({ listen = [], tls, register, proxy }: Right<SipSettings>): Rule[] {
  const hasCertificate = typeof tls?.certificate === "string";
  return [
    [register === true && proxy === undefined, ["register"], "needs sip.proxy: where to register", ["proxy"]],
    ...listen.map((address, index): Rule => {
      const transport = address?.transport ?? "";
      const problem = `${transport.toLowerCase()} needs sip.tls.certificate and sip.tls.key`;
      const isSecure = transport === "TLS" || transport === "WSS";
      return [isSecure && !hasCertificate, ["listen", index], problem, ["tls", "certificate"], ["tls", "key"]];
    }),
  ];
}

/** `route[0]` -> `["route", 0]` */
function keysOf(field: string): PropertyKey[] {
  return field
    .split(/[.[\]]+/)
    .filter(Boolean)
    .map((part) => (/^[0-9]+$/.test(part) ? Number(part) : part));
}
