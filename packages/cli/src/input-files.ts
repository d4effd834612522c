import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { TlsOptions } from "@sip-push/sip";
import { z } from "zod";
import { type Io, UsageError } from "./io.ts";

/** What the system says of a file that cannot be used, for people. */
const fileProblems: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EISDIR: "is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ERR_FS_FILE_TOO_LARGE: "is too large",
};

/** Whole content of the file that a flag names; "-" is standard input. @throws {UsageError} naming the flag. */
export async function readInput(io: Io, flag: string, path: string): Promise<Uint8Array> {
  try {
    return await io.readFile(path);
  } catch (error) {
    throw new UsageError(fileProblem(flag, path, error as NodeJS.ErrnoException), { cause: error });
  }
}

/** One line on a file that the system does not give us. */
export function fileProblem(flag: string, path: string, { code = "", message }: NodeJS.ErrnoException): string {
  return `${flag}: ${path}: ${fileProblems[code] ?? message}`;
}

/** The settings for TLS and WSS: files in PEM. */
export const tlsSettings: {
  readonly ca: z.ZodOptional<z.ZodString>;
  readonly cert: z.ZodOptional<z.ZodString>;
  readonly key: z.ZodOptional<z.ZodString>;
} = {
  ca: z.string().optional(),
  cert: z.string().optional(),
  key: z.string().optional(),
};

interface TlsSettings {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** A certificate serves nothing without its key. For `readConfig`. */
export function checkTlsSettings({ cert, key }: TlsSettings): string[] {
  if (cert !== undefined && key === undefined) return ["--key: is required with --cert"];
  if (cert === undefined && key !== undefined) return ["--cert: is required with --key"];
  return [];
}

/** Reads and checks the PEM files. @throws {UsageError} naming the flag. */
export async function readTls(io: Io, settings: TlsSettings): Promise<TlsOptions> {
  const tls: { ca?: string; cert?: string; key?: string } = {};
  if (settings.ca !== undefined) tls.ca = await readCertificate(io, "--ca", settings.ca);
  if (settings.cert === undefined || settings.key === undefined) return tls;
  tls.cert = await readCertificate(io, "--cert", settings.cert);
  tls.key = textOf(await readInput(io, "--key", settings.key));
  try {
    createSecureContext({ cert: tls.cert, key: tls.key });
  } catch (error) {
    throw new UsageError(`--key: ${settings.key}: is no key in PEM, or not the one of --cert`, { cause: error });
  }
  return tls;
}

async function readCertificate(io: Io, flag: string, path: string): Promise<string> {
  const text = textOf(await readInput(io, flag, path));
  if (!isCertificate(text)) throw new UsageError(`${flag}: ${path}: is no certificate in PEM`);
  return text;
}

/** Of several it reads the first. */
function isCertificate(text: string): boolean {
  try {
    return new X509Certificate(text).raw.length > 0;
  } catch {
    return false;
  }
}

function textOf(octets: Uint8Array): string {
  return new TextDecoder().decode(octets);
}
