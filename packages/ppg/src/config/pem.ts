import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { z } from "zod";
import { readTextBy } from "./fields.ts";
import { type ConfigWorld, readText, SettingProblem } from "./world.ts";

/** A file of one certificate or several in PEM, read. */
export function certificateFile(world: ConfigWorld): z.ZodType<string> {
  return readTextBy(async (path) => {
    const pem = await readText(world, path);
    if (!isCertificate(pem)) throw new SettingProblem(`${path}: is no certificate in PEM`);
    return pem;
  });
}

/** A file of a private key in PEM, read. */
export function keyFile(world: ConfigWorld): z.ZodType<string> {
  return readTextBy(async (path) => {
    const pem = await readText(world, path);
    if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) throw new SettingProblem(`${path}: is no private key in PEM`);
    return pem;
  });
}

/** Why these two cannot be used together; undefined: they can. */
export function pairProblem(certificate: string, key: string): string | undefined {
  try {
    createSecureContext({ cert: certificate, key });
    return undefined;
  } catch {
    return "is not the key of the certificate";
  }
}

/** Of several it reads the first. */
function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
