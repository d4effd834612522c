import type { BodyError } from "@sip-push/bodies";
import type { InitiatorError } from "@sip-push/initiator";
import type { NotificationError } from "@sip-push/notification";
import type { ProxyConfigError } from "@sip-push/proxy";
import type { PushInputError } from "@sip-push/push";
import type { AkaError, SipTransportError, TrustConfigError } from "@sip-push/sip";
import { flagOf } from "./config.ts";
import { UsageError } from "./io.ts";

/** Fields and options of the libraries, by the flag that a person gave; those that differ in more than spelling. */
const flagByField: Readonly<Record<string, string>> = {
  applicationId: "--app",
  applicationIds: "--app",
  applicationServers: "--route-psi",
  applications: "--app",
  body: "--file",
  digestAlgorithms: "--digest",
  event: "--app",
  expiresSeconds: "--expires",
  flowTimerSeconds: "--flow-timer",
  instanceId: "--instance",
  parts: "--part",
  proxies: "--proxy",
  publish: "--publish-to",
  pushNotificationService: "--pn-provider",
  reportTimeoutSeconds: "--report",
  subscriptions: "--subscribe",
  trustedHops: "--trusted-hop",
  trustedPpgs: "--trust-ppg",
  waitForRegistrationSeconds: "--wait-for-registration",
};

/** Fields of a push initiator and its listener; a longer path before the one that it begins with. */
const flagByInitiatorField: Readonly<Record<string, string>> = {
  addresses: "--to",
  applicationId: "--app",
  "content.headers": "--content-language",
  content: "--file",
  "credentials.token": "--token",
  "credentials.password": "--password",
  "credentials.user": "--user",
  listen: "--notify-listen",
  replace: "--replace",
  tls: "--ca",
  url: "--ppg",
  version: "--pap-version",
};

/** `quality.bearer` -> `--bearer` */
function initiatorFlagOf(field: string): string {
  const known = Object.keys(flagByInitiatorField).find((each) => field === each || field.startsWith(`${each}.`));
  return known === undefined ? flagOf(field.replace(/^.*\./, "")) : (flagByInitiatorField[known] as string);
}

/** `parts[1].body` -> `--part` */
function flagOfField(path: string): string {
  const [field = ""] = path.split(/[.[]/, 1);
  return flagByField[field] ?? flagOf(field);
}

/** Runs `open`; what the libraries say about bad input is said with the flag that gave it. @throws {UsageError} */
export async function naming<T>(use: () => Promise<T>): Promise<T> {
  try {
    return await use();
  } catch (error) {
    const text = usageProblem(error);
    throw text === undefined ? error : new UsageError(text, { cause: error });
  }
}

/** Errors of the libraries by name. Their classes are not asked for: no command is to load the packages of all the others. */
interface KnownErrors {
  readonly AkaError: AkaError;
  readonly BodyError: BodyError;
  readonly InitiatorError: InitiatorError;
  readonly NotificationError: NotificationError;
  readonly ProxyConfigError: ProxyConfigError;
  readonly PushInputError: PushInputError;
  readonly SipTransportError: SipTransportError;
  readonly TrustConfigError: TrustConfigError;
}

/** One line for people; undefined when it is not about what they gave us. */
const problemsByName: { readonly [Name in keyof KnownErrors]: (error: KnownErrors[Name]) => string | undefined } = {
  AkaError: ({ code, message }) => `${akaFlags[code]}: ${message}`,
  BodyError: fieldProblem,
  InitiatorError: initiatorProblem,
  NotificationError: ({ message }) => message,
  ProxyConfigError: proxyProblem,
  PushInputError: fieldProblem,
  SipTransportError: (error) => (error.code === "SIP_LISTEN_FAILED" ? `--listen: ${listenProblem(error)}` : undefined),
  TrustConfigError: ({ problems }) => problems.map(({ problem }) => `--trusted: ${problem}`).join("; "),
};

function usageProblem(error: unknown): string | undefined {
  if (!(error instanceof Error) || !Object.hasOwn(problemsByName, error.name)) return undefined;
  const problemOf = problemsByName[error.name as keyof KnownErrors] as (error: Error) => string | undefined;
  return problemOf(error);
}

function fieldProblem({ field, message }: BodyError | PushInputError): string {
  return `${flagOfField(field)}: ${message.slice(field.length + 2)}`;
}

function initiatorProblem(error: InitiatorError): string | undefined {
  const { field, code, message } = error;
  if (field === null) return undefined;
  const problem = code === "INITIATOR_LISTEN_FAILED" ? listenProblem(error) : message;
  return `${initiatorFlagOf(field)}: ${problem.replace(`${field}: `, "")}`;
}

const akaFlags: Readonly<Record<AkaError["code"], string>> = {
  AKA_BAD_CREDENTIALS: "--aka",
  AKA_BAD_STATE: "--aka-sqn",
};

/** What the system says of an address that cannot be bound, for people. */
const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EADDRNOTAVAIL: "this machine does not have that address",
  EACCES: "that port is not for everybody",
};

function listenProblem({ message, cause }: Error): string {
  if (!(cause instanceof Error)) return message;
  const known = listenProblems[(cause as NodeJS.ErrnoException).code ?? ""];
  return known === undefined ? message : message.replace(cause.message, known);
}

const flagByProxyProblem: Readonly<Record<Exclude<ProxyConfigError["code"], "PROXY_BAD_OPTION">, string>> = {
  PROXY_BAD_USERS: "--users",
  PROXY_BAD_DOMAIN: "--domain",
  PROXY_BAD_PEER: "--trusted",
};

function proxyProblem({ code, problems }: ProxyConfigError): string {
  const named = problems.map((problem) => {
    if (code !== "PROXY_BAD_OPTION") return `${flagByProxyProblem[code]}: ${problem}`;
    const [field = ""] = problem.split(":", 1);
    return `${flagOfField(field)}: ${problem.slice(field.length + 2)}`;
  });
  return named.join("; ");
}
