import { accessSync, constants } from "node:fs";
import { dirname } from "node:path";
import type { DigestPolicy, PushReceiverOptions } from "@sip-push/receiver";
import { AkaError, type DigestAccount, parseUri, type SipUri, serializeUri, Usim, usimFile } from "@sip-push/sip";
import { fileProblem } from "./input-files.ts";
import { UsageError } from "./io.ts";

/** What the settings of `receive` say of the handset. */
export interface HandsetSettings {
  readonly aor: string;
  readonly register: boolean;
  readonly app: readonly string[];
  readonly role: NonNullable<PushReceiverOptions["role"]>;
  /** Send the delivery reports that are asked for. */
  readonly report: boolean;
  readonly invalidDigest: NonNullable<DigestPolicy["onInvalid"]>;
  readonly proxy?: readonly SipUri[] | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly aka?: { readonly k: string; readonly opc: string } | undefined;
  /** Path of the file with the sequence numbers of the USIM. */
  readonly akaSqn?: string | undefined;
  readonly expires?: number | undefined;
  readonly instance?: string | undefined;
  readonly accessNetworkInfo?: string | undefined;
  readonly trustedAccess?: boolean | undefined;
  readonly pnProvider?: string | undefined;
  readonly pnPrid?: string | undefined;
  readonly subscribe?: readonly string[] | undefined;
  readonly publish?: boolean | undefined;
  readonly publishTo?: string | undefined;
  readonly refer?: "accept" | "refuse" | undefined;
  readonly answer?: number | undefined;
  readonly trustPpg?: readonly string[] | undefined;
  readonly trustedHop?: readonly string[] | undefined;
  readonly dsPassword?: string | undefined;
  readonly dsNonce?: string | undefined;
}

/** The options of the receiver that the settings of `receive` describe. @throws {UsageError} for a file that is none of a USIM. */
export function receiverOptions(read: HandsetSettings): PushReceiverOptions {
  const { aor, register, app, expires, instance, answer, trustPpg, trustedHop, role, report, refer } = read;
  const digest = digestPolicyOf(read);
  const credentials = credentialsOf(read);
  const { subscribe, accessNetworkInfo, trustedAccess, pnProvider, pnPrid } = read;
  return {
    aor,
    register,
    applications: app,
    role,
    reports: report ? "send" : "never",
    ...proxyOf(read),
    ...publishOf(read),
    ...(credentials === undefined ? {} : { credentials: [credentials] }),
    ...(expires === undefined ? {} : { expiresSeconds: expires }),
    ...(instance === undefined ? {} : { instanceId: instance }),
    ...(accessNetworkInfo === undefined ? {} : { accessNetworkInfo }),
    ...(trustedAccess === undefined ? {} : { trustedAccess }),
    ...(pnProvider === undefined
      ? {}
      : { pushNotificationService: { provider: pnProvider, prid: pnPrid ?? null, param: null } }),
    ...(subscribe === undefined ? {} : { subscriptions: subscribe.map((to) => ({ to })) }),
    ...(refer === undefined ? {} : { refer }),
    ...(answer === undefined ? {} : { handlers: { default: () => ({ statusCode: answer }) } }),
    ...(trustPpg === undefined ? {} : { trustedPpgs: trustPpg.map((address) => ({ address })) }),
    ...(trustedHop === undefined ? {} : { trustedHops: trustedHop }),
    ...(digest === undefined ? {} : { digest }),
  };
}

function proxyOf({ proxy = [] }: HandsetSettings): Pick<PushReceiverOptions, "proxy" | "proxies"> {
  const uris = proxy.map(serializeUri);
  const [first] = uris;
  if (first === undefined) return {};
  return uris.length === 1 ? { proxy: first } : { proxies: uris };
}

function publishOf({ publish, publishTo }: HandsetSettings): Pick<PushReceiverOptions, "publish"> {
  if (publishTo !== undefined) return { publish: { to: publishTo } };
  return publish === undefined ? {} : { publish };
}

function digestPolicyOf({ dsPassword, dsNonce = "", invalidDigest }: HandsetSettings): DigestPolicy | undefined {
  if (dsPassword === undefined) return undefined;
  return { credentials: () => ({ password: dsPassword, nonce: dsNonce }), onInvalid: invalidDigest };
}

function credentialsOf(read: HandsetSettings): DigestAccount | undefined {
  const { password, aka, akaSqn } = read;
  const username = userOf(read);
  if (aka === undefined) return password === undefined ? undefined : { username, password };
  try {
    // It is replaced as a whole, at the first challenge.
    if (akaSqn !== undefined) accessSync(dirname(akaSqn), constants.W_OK);
    return { username, usim: new Usim({ ...aka, ...(akaSqn === undefined ? {} : { store: usimFile(akaSqn) }) }) };
  } catch (error) {
    if (error instanceof AkaError || !isFileError(error)) throw error;
    throw new UsageError(fileProblem("--aka-sqn", akaSqn ?? "", error), { cause: error });
  }
}

function isFileError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

function userOf({ user, aor }: HandsetSettings): string {
  if (user !== undefined) return user;
  const uri = parseUri(aor, "--aor");
  return (uri.scheme === "sip" || uri.scheme === "sips" ? uri.user : undefined) ?? "";
}
