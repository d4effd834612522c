import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { z } from "zod";
import { readTextBy } from "./fields.ts";
import type { Rule } from "./together.ts";
import { type ConfigWorld, readText, SettingProblem } from "./world.ts";

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?(?:-----END|$)/gs;

/** A file of one certificate or several in PEM, read. */
export function certificateFile(world: ConfigWorld): z.ZodType<string> {
  return readTextBy(async (path) => {
    const pem = await readText(world, path);
    const certificates = pem.match(CERTIFICATE) ?? [];
    if (certificates.length === 0) throw new SettingProblem(`${path}: is no certificate in PEM`);
    // A TLS server with authorities of which it can read some starts, and turns away the clients of the others.
    const bad = certificates.findIndex((certificate) => !isCertificate(`${certificate} CERTIFICATE-----\n`));
    const which = certificates.length === 1 ? "the certificate" : `certificate ${bad + 1} of ${certificates.length}`;
    if (bad >= 0) throw new SettingProblem(`${path}: ${which} in it cannot be read`);
    return pem;
  });
}

/** A file of a private key in PEM, read. */
export function keyFile(world: ConfigWorld): z.ZodType<string> {
  return readTextBy(async (path) => {
    const pem = await readText(world, path);
    try {
      createPrivateKey(pem);
      return pem;
    } catch (error) {
      const isLocked = /BEGIN ENCRYPTED|^Proc-Type:.*ENCRYPTED/m.test(pem);
      const problem = isLocked ? "is encrypted; give a key without a passphrase" : "is no private key in PEM";
      throw new SettingProblem(`${path}: ${problem}`, { cause: error });
    }
  });
}

/** That a certificate and a key serve together; the settings are those of a section. */
export function pairRules(given: {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}): Rule[] {
  const { certificate, key } = given;
  const problem = certificate !== undefined && key !== undefined ? pairProblem(certificate, key) : undefined;
  return [
    [certificate !== undefined && key === undefined, ["key"], "is required with certificate"],
    [certificate === undefined && key !== undefined, ["certificate"], "is required with key"],
    [problem !== undefined, ["key"], problem ?? ""],
  ];
}

/** Why these two cannot be used together; undefined: they can. */
function pairProblem(certificate: string, key: string): string | undefined {
  try {
    // A context takes a key of another kind, too, and fails in each handshake.
    const isOurs = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
    if (!isOurs) return "is not the key of the certificate";
    createSecureContext({ cert: certificate, key });
    return undefined;
  } catch (error) {
    return `cannot be used with the certificate: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
