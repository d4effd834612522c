import { AddressRanges } from "@sip-push/sip";
import { z } from "zod";
import { flag, listOf, oneOf, readTextBy, section, someOf, textCheckedBy, wholeNumber } from "./fields.ts";
import { certificateFile, keyFile, pairProblem } from "./pem.ts";
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
  return settings
    .superRefine(
      ({ certificate, key, clientCa, clientCertificates }, context) => {
        if (typeof certificate === "string" && typeof key === "string") {
          const problem = pairProblem(certificate, key);
          if (problem !== undefined) context.addIssue({ code: "custom", path: ["key"], message: problem });
        }
        if (clientCertificates !== undefined && clientCa === undefined) {
          const message = "needs clientCa: whose certificates to take";
          context.addIssue({ code: "custom", path: ["clientCertificates"], message });
        }
      },
      { when: isMapping },
    )
    .transform(({ certificate, key, clientCa, clientCertificates }) => ({
      certificate,
      key,
      clientCa: clientCa ?? null,
      clientCertificates: clientCertificates ?? "ask",
    }));
}

export function httpSection(world: ConfigWorld): z.ZodType<PpgConfig["http"]> {
  return section({
    listen: someOf(httpAddress, "address"),
    path: path.default("/pap"),
    tls: tlsSection(world).optional(),
    allowPlain: flag.default(false),
    trustedProxies: listOf(proxyRange).default([]),
    maxBodyBytes: wholeNumber(1, 1024 * MIB).default(MIB),
    maxConcurrent: wholeNumber(1, 1_000_000).default(1_000),
  })
    .superRefine(
      ({ listen, tls }, context) => {
        if (!Array.isArray(listen)) return;
        for (const [index, address] of listen.entries()) {
          if (address?.secure && tls === undefined) {
            context.addIssue({ code: "custom", path: ["listen", index], message: "https needs http.tls" });
          }
          const first = listen.findIndex((other, place) => place < index && isSamePlace(other, address));
          if (first >= 0) {
            context.addIssue({ code: "custom", path: ["listen", index], message: `is listen[${first}] again` });
          }
        }
      },
      { when: isMapping },
    )
    .transform((http) => ({ ...http, tls: http.tls ?? null }));
}

/** Checks across settings also run when one of them is wrong; not when there are no settings at all. */
export function isMapping({ value }: { readonly value: unknown }): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Port 0 is another port each time. */
export function isSamePlace(a: HttpAddress | undefined, b: HttpAddress | undefined): boolean {
  // One that could not be read is reported, but still stands in the list as it was written.
  if (typeof a?.port !== "number" || typeof b?.port !== "number") return false;
  return a.port !== 0 && a.port === b.port && a.host === b.host;
}
