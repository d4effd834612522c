import { SipTransportError } from "@sip-push/sip";
import { FrontError } from "../front/errors.ts";
import { StoreError } from "../store/errors.ts";

/**
 * Which part did not open.
 *
 * - `GATEWAY_STORE`: the database does not answer, is of a later version, or another process has it.
 * - `GATEWAY_SIP`, `GATEWAY_HTTP`: an address cannot be listened on, or a certificate cannot be used.
 * - `GATEWAY_STOPPED`: it was told to stop before it was open.
 */
export type GatewayErrorCode = "GATEWAY_STORE" | "GATEWAY_SIP" | "GATEWAY_HTTP" | "GATEWAY_STOPPED";

/** A gateway did not open; what was open by then is closed again. The message is one line for people. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";
  readonly code: GatewayErrorCode;
  /** Whether the same configuration may do better later. */
  readonly retryable: boolean;

  constructor(code: GatewayErrorCode, problem: string, options: ErrorOptions & { readonly retryable?: boolean } = {}) {
    super(problem, options);
    this.code = code;
    this.retryable = options.retryable ?? false;
  }
}

/** What the system says of an address that cannot be bound, for people. */
const listenProblems: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EADDRNOTAVAIL: "this machine does not have that address",
  EACCES: "that port is not for everybody",
};

/** The error as a {@link GatewayError} when it is about the world outside; others, which are mistakes of ours, stay. */
export function gatewayErrorOf(error: unknown): unknown {
  if (error instanceof StoreError) {
    return new GatewayError("GATEWAY_STORE", `database: ${error.message}`, {
      cause: error,
      retryable: error.retryable,
    });
  }
  if (error instanceof FrontError) return ofListening("GATEWAY_HTTP", "http: ", error);
  if (error instanceof SipTransportError && error.code === "SIP_LISTEN_FAILED") {
    return ofListening("GATEWAY_SIP", "sip: ", error);
  }
  return error;
}

function ofListening(code: GatewayErrorCode, part: string, error: FrontError | SipTransportError): GatewayError {
  const { message, cause, retryable } = error;
  const known = cause instanceof Error ? listenProblems[(cause as NodeJS.ErrnoException).code ?? ""] : undefined;
  const said = known === undefined ? message : message.replace((cause as Error).message, known);
  return new GatewayError(code, part + said, { cause: error, retryable });
}
