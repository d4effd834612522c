import { gatewayUrl, PushInitiator, type PushInitiatorOptions } from "@sip-push/initiator";
import { isPushId, type PapVersion, papVersions } from "@sip-push/pap";
import type { Command } from "commander";
import { z } from "zod";
import { checkedBy, oneOf, wholeNumber } from "./fields.ts";
import { checkTlsSettings, readTls, tlsSettings } from "./input-files.ts";
import { createLogger, type Io } from "./io.ts";

/** How a push initiator reaches its gateway, and who it is: the settings that all commands of PAP share. */
export const ppgSettings: typeof tlsSettings & {
  readonly ppg: z.ZodType<string, string>;
  readonly user: z.ZodOptional<z.ZodString>;
  readonly password: z.ZodOptional<z.ZodString>;
  readonly token: z.ZodOptional<z.ZodString>;
  readonly papVersion: z.ZodOptional<z.ZodType<PapVersion>>;
  readonly timeout: z.ZodOptional<z.ZodType<number>>;
} = {
  ppg: checkedBy(gatewayUrl),
  user: z.string().optional(),
  password: z.string().optional(),
  token: z.string().optional(),
  papVersion: oneOf(papVersions).optional(),
  timeout: wholeNumber(1, 86_400).optional(),
  ...tlsSettings,
};

export type PpgSettings = z.output<z.ZodObject<typeof ppgSettings>>;

/** The flags of {@link ppgSettings}. */
export function addPpgFlags(command: Command): Command {
  return command
    .optionsGroup("The gateway, and who asks it:")
    .option("--ppg <url>", "where the gateway takes PAP, such as http://127.0.0.1:8070/pap")
    .option("--user <name>", "user name there (Basic)")
    .option("--password <text>", "its password; SIP_PUSH_PASSWORD keeps it off the command line")
    .option("--token <text>", "bearer token, instead of --user")
    .option("--ca <file>", "certificates to trust, PEM, for https")
    .option("--cert <file>", "certificate to show, PEM")
    .option("--key <file>", "its key")
    .option("--pap-version <version>", `${papVersions.join(", ")}; 2.0 unless given`)
    .option("--timeout <seconds>", "how long to wait for an answer; 30 unless given");
}

/** What lies in how the settings go together. For `readConfig`. */
export function checkPpg(given: Partial<PpgSettings>): string[] {
  const { user, password, token } = given;
  const rules: ReadonlyArray<readonly [broken: boolean, problem: string]> = [
    [user !== undefined && password === undefined, "--password: is required with --user"],
    [user === undefined && password !== undefined, "--user: is required with --password"],
    [token !== undefined && user !== undefined, "--token: give this or --user, not both"],
  ];
  return [...checkTlsSettings(given), ...rules.filter(([broken]) => broken).map(([, problem]) => problem)];
}

/** Runs `use` with an initiator, which is closed after it. @throws {UsageError} for files that are not what they should be. */
export async function withInitiator<T>(
  io: Io,
  read: PpgSettings,
  use: (initiator: PushInitiator) => Promise<T>,
): Promise<T> {
  const { ppg, papVersion, timeout } = read;
  const options: PushInitiatorOptions = {
    url: ppg,
    tls: await readTls(io, read),
    logger: createLogger(io),
    productName: "sip-push",
    ...credentialsOf(read),
    ...(papVersion !== undefined && { version: papVersion }),
    ...(timeout !== undefined && { timeoutMs: timeout * 1000 }),
  };
  const initiator = new PushInitiator(options);
  try {
    return await use(initiator);
  } finally {
    await initiator.close();
  }
}

function credentialsOf({ user, password, token }: PpgSettings): Pick<PushInitiatorOptions, "credentials"> {
  if (token !== undefined) return { credentials: { token } };
  return user === undefined || password === undefined ? {} : { credentials: { user, password } };
}

/** A push-id as PAP has it. */
export const pushIdText: z.ZodType<string, string> = z
  .string()
  .refine(isPushId, { error: "must have 1 to 255 characters, no blank at either end and no control characters" });
