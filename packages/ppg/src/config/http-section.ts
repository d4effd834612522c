import { AddressRanges } from "@sip-push/sip";
import { z } from "zod";
import { flag, listOf, oneOf, readTextBy, section, someOf, textCheckedBy, wholeNumber } from "./fields.ts";
import { certificateFile, keyFile, pairRules } from "./pem.ts";
import { checkedTogether } from "./together.ts";
import type { HttpAddress, HttpTls, PpgConfig } from "./types.ts";
import { type ConfigWorld, SettingProblem } from "./world.ts";

const MIB = 1_048_576;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };
/** Paths of the listeners that are the gateway's own. */
const TAKEN_PATHS = ["/console", "/health", "/metrics"];

/** `http://127.0.0.1:8070`, `https://[::]:8443`. */
export const httpAddress: z.ZodType<HttpAddress> = readTextBy((text) => {
  const url = URL.parse(text);
  const port = url === null ? undefined : DEFAULT_PORTS[url.protocol];
  if (url === null || port === undefined || url.hostname === "") {
    throw new SettingProblem(
      `${JSON.stringify(text)} is no address; write http://127.0.0.1:8070 or https://0.0.0.0:8443`,
    );
  }
  if (url.pathname !== "/" || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new SettingProblem(`${JSON.stringify(text)} has more than a host and a port`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { secure: url.protocol === "https:", host, port: url.port === "" ? port : Number(url.port) };
});

const path = readTextBy((text) => {
  if (!/^\/[A-Za-z0-9._~!$&'()*+,;=:@/-]*$/.test(text)) throw new SettingProblem("must be a path such as /pap");
  const taken = TAKEN_PATHS.find((each) => text === each || text.startsWith(`${each}/`));
  if (taken !== undefined) throw new SettingProblem(`${taken} is the gateway's own`);
  return text;
});

const proxyRange = textCheckedBy((text) => {
  const problem = new AddressRanges([]).add(text);
  if (problem !== undefined) throw new SettingProblem(problem);
  if (/\/0+$/.test(text.trim()))
    throw new SettingProblem(`${JSON.stringify(text)} is everybody, who could say anything`);
});

function tlsSection(world: ConfigWorld): z.ZodType<HttpTls> {
  const settings = section({
    certificate: certificateFile(world),
    key: keyFile(world),
    clientCa: certificateFile(world).optional(),
    clientCertificates: oneOf(["ask", "require"]).optional(),
  });
  return checkedTogether(settings, ({ clientCa, clientCertificates, ...pair }) => [
    ...pairRules(pair),
    [
      clientCertificates !== undefined && clientCa === undefined,
      ["clientCertificates"],
      "needs clientCa: whose certificates to take",
      ["clientCa"],
    ],
  ]).transform(({ certificate, key, clientCa, clientCertificates }) => ({
    certificate,
    key,
    clientCa: clientCa ?? null,
    clientCertificates: clientCertificates ?? "ask",
  }));
}

export function httpSection(world: ConfigWorld): z.ZodType<PpgConfig["http"]> {
  const settings = section({
    listen: someOf(httpAddress, "address"),
    path: path.default("/pap"),
    tls: tlsSection(world).optional(),
    allowPlain: flag.default(false),
    trustedProxies: listOf(proxyRange).default([]),
    maxBodyBytes: wholeNumber(1, 1024 * MIB).default(MIB),
    maxConcurrent: wholeNumber(1, 1_000_000).default(1_000),
  });
  return checkedTogether(settings, ({ listen = [], tls }) =>
    listen.map((address, index) => [
      address?.secure === true && tls === undefined,
      ["listen", index],
      "https needs http.tls",
      ["tls"],
    ]),
  ).transform((http) => ({ ...http, tls: http.tls ?? null }));
}
