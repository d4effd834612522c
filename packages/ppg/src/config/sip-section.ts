import { readPushSenderOptions } from "@sip-push/sender";
import {
  type ListenAddress,
  parseHostPort,
  parseListenAddress,
  parseNameAddr,
  parseUri,
  TrustDomain,
} from "@sip-push/sip";
import { z } from "zod";
import { flag, listOf, oneOf, readTextBy, section, someOf, textCheckedBy, wholeNumber } from "./fields.ts";
import { isMapping } from "./http-section.ts";
import { certificateFile, keyFile, pairProblem } from "./pem.ts";
import { ownPassword } from "./secrets.ts";
import { senderOptionsOf } from "./sender-options.ts";
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

const sipUri = textCheckedBy((text) => {
  const uri = parseUri(text, "URI");
  if (uri.scheme !== "sip" && uri.scheme !== "sips") throw new SettingProblem(`"${text}" is no sip: or sips: URI`);
});

const trustedPeer = textCheckedBy((text) => {
  try {
    return new TrustDomain([text]);
  } catch {
    throw new SettingProblem(`${JSON.stringify(text)} is no IP address, range or domain name in a certificate`);
  }
});

function tlsSection(world: ConfigWorld): z.ZodType<SipConfig["tls"]> {
  return section({
    certificate: certificateFile(world).optional(),
    key: keyFile(world).optional(),
    ca: certificateFile(world).optional(),
  })
    .superRefine(
      ({ certificate, key }, context) => {
        const issue = (path: string, message: string): void =>
          context.addIssue({ code: "custom", path: [path], message });
        if (certificate !== undefined && key === undefined) issue("key", "is required with certificate");
        if (certificate === undefined && key !== undefined) issue("certificate", "is required with key");
        if (typeof certificate !== "string" || typeof key !== "string") return;
        const problem = pairProblem(certificate, key);
        if (problem !== undefined) issue("key", problem);
      },
      { when: isMapping },
    )
    .transform(({ certificate, key, ca }) => ({
      certificate: certificate ?? null,
      key: key ?? null,
      ca: ca ?? null,
    }));
}

/** `sip:ppg@example.test` or `"Push" <sip:ppg@example.test>`. What else lies in it `readPushSenderOptions` says. */
const address = textCheckedBy((text) => {
  const { uri } = parseNameAddr(text.includes("<") ? text : `<${text}>`, "address");
  if (uri.scheme === "other") throw new SettingProblem(`${JSON.stringify(text)} is no SIP address`);
});

export function sipSection(world: ConfigWorld): z.ZodType<SipConfig> {
  return section({
    from: address,
    listen: someOf(listenAddress, "address"),
    role: oneOf(["isc", "gm", "plain"]).default("isc"),
    proxy: sipUri.optional(),
    route: listOf(address).default([]),
    contact: sipUri.optional(),
    identity: address.optional(),
    servedUser: address.optional(),
    domain: textCheckedBy((text) => parseHostPort(text, "domain")).optional(),
    register: flag.default(false),
    credentials: section({ user: textCheckedBy(() => {}), password: ownPassword(world) }).optional(),
    trusted: listOf(trustedPeer).default([]),
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
  })
    .superRefine(
      ({ listen, tls }, context) => {
        if (!Array.isArray(listen) || !isMapping({ value: tls }) || tls.certificate !== null) return;
        for (const [index, each] of listen.entries()) {
          if (each?.transport !== "TLS" && each?.transport !== "WSS") continue;
          const message = `${each.transport.toLowerCase()} needs sip.tls.certificate and sip.tls.key`;
          context.addIssue({ code: "custom", path: ["listen", index], message });
        }
      },
      { when: isMapping },
    )
    .transform(
      ({ proxy, contact, identity, servedUser, domain, credentials, ...rest }): SipConfig => ({
        ...rest,
        proxy: proxy ?? null,
        contact: contact ?? null,
        identity: identity ?? null,
        servedUser: servedUser ?? null,
        domain: domain ?? null,
        credentials: credentials ?? null,
      }),
    )
    .superRefine((sip, context) => {
      try {
        readPushSenderOptions(senderOptionsOf(sip));
      } catch (error) {
        const { field = "", message } = error as Error & { field?: string };
        const problem = field !== "" && message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
        context.addIssue({
          code: "custom",
          path: field
            .split(/[.[\]]+/)
            .filter(Boolean)
            .map(asKey),
          message: problem,
        });
      }
    });
}

function asKey(part: string): string | number {
  return /^[0-9]+$/.test(part) ? Number(part) : part;
}
