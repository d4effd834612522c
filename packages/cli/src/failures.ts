import { BodyError } from "@sip-push/bodies";
import { NotificationError } from "@sip-push/notification";
import { ProxyConfigError } from "@sip-push/proxy";
import { PushInputError } from "@sip-push/push";
import { AkaError, SipTransportError, TrustConfigError } from "@sip-push/sip";
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

/** One line for people when `error` is about what they gave us; undefined when it is ours. */
function usageProblem(error: unknown): string | undefined {
  if (error instanceof PushInputError || error instanceof BodyError) {
    return `${flagOfField(error.field)}: ${error.message.slice(error.field.length + 2)}`;
  }
  if (error instanceof AkaError) return `${akaFlags[error.code]}: ${error.message}`;
  if (error instanceof TrustConfigError) return error.problems.map(({ problem }) => `--trusted: ${problem}`).join("; ");
  if (error instanceof SipTransportError && error.code === "SIP_LISTEN_FAILED")
    return `--listen: ${listenProblem(error)}`;
  if (error instanceof ProxyConfigError) return proxyProblem(error);
  if (error instanceof NotificationError) return error.message;
  return undefined;
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

function listenProblem({ message, cause }: SipTransportError): string {
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
