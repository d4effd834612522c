import { NotificationError } from "@sip-push/notification";
import { ProxyConfigError } from "@sip-push/proxy";
import { PushInputError } from "@sip-push/push";
import { SipTransportError } from "@sip-push/sip";
import { flagOf } from "./config.ts";
import { UsageError } from "./io.ts";

/** Fields and options of the libraries, by the flag that a person gave. */
const flagByField: Readonly<Record<string, string>> = {
  body: "--file",
  contentType: "--content-type",
  applicationId: "--app",
  applications: "--app",
  expiresSeconds: "--expires",
  instanceId: "--instance",
  trustedPpgs: "--trust-ppg",
  trustedHops: "--trusted-hop",
};

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
  if (error instanceof PushInputError) {
    const [field = ""] = error.field.split(/[.[]/, 1);
    return `${flagByField[field] ?? flagOf(field)}: ${error.message.slice(error.field.length + 2)}`;
  }
  if (error instanceof SipTransportError && error.code === "SIP_LISTEN_FAILED")
    return `--listen: ${listenProblem(error)}`;
  if (error instanceof ProxyConfigError) return proxyProblem(error);
  if (error instanceof NotificationError) return error.message;
  return undefined;
}

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

const flagByProxyProblem: Readonly<Record<ProxyConfigError["code"], string>> = {
  PROXY_BAD_USERS: "--users: ",
  PROXY_BAD_DOMAIN: "--domain: ",
  PROXY_BAD_PEER: "--trusted: ",
  PROXY_BAD_OPTION: "--",
};

function proxyProblem({ code, problems }: ProxyConfigError): string {
  return problems.map((problem) => flagByProxyProblem[code] + problem).join("; ");
}
