import { createSecureContext } from "node:tls";
import { InitiatorError } from "./errors.ts";
import type { InitiatorCredentials, InitiatorTls } from "./options.ts";

/** Value of the Authorization header field; undefined for none. @throws {InitiatorError} INITIATOR_BAD_OPTION. */
export function authorizationOf(credentials: InitiatorCredentials | undefined): string | undefined {
  if (credentials === undefined) return undefined;
  if ("token" in credentials) {
    // RFC 6750 §2.1: b64token.
    if (/^[A-Za-z0-9\-._~+/]+=*$/.test(credentials.token)) return `Bearer ${credentials.token}`;
    throw bad("credentials.token", "is no bearer token");
  }
  const { user, password } = credentials;
  // RFC 7617 §2: the first colon ends the user.
  if (user.includes(":") || /\p{Cc}/u.test(user)) throw bad("credentials.user", "has a colon or a control character");
  if (/\p{Cc}/u.test(password)) throw bad("credentials.password", "has a control character");
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

/** Reads the PEM once, so that what is wrong with it is said at once. @throws {InitiatorError} INITIATOR_BAD_OPTION. */
export function checkTls({ ca, cert, key }: InitiatorTls): void {
  if ((cert === undefined) !== (key === undefined)) throw bad("tls", "a certificate and its key go together");
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    throw new InitiatorError("INITIATOR_BAD_OPTION", "holds no PEM, or the key is not the certificate's", "tls", error);
  }
}

function bad(field: string, problem: string): InitiatorError {
  return new InitiatorError("INITIATOR_BAD_OPTION", problem, field);
}
