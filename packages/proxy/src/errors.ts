/** Why a proxy could not be set up. */
export type ProxyConfigErrorCode = "PROXY_BAD_USERS" | "PROXY_BAD_DOMAIN" | "PROXY_BAD_PEER" | "PROXY_BAD_OPTION";

/** A setting that makes no sense. `problems` has one line for each mistake; the message is all of them. Not retryable. */
export class ProxyConfigError extends Error {
  override readonly name = "ProxyConfigError";
  readonly code: ProxyConfigErrorCode;
  readonly problems: readonly string[];
  readonly retryable = false;

  constructor(code: ProxyConfigErrorCode, problems: readonly string[], options?: ErrorOptions) {
    super(problems.join("\n"), options);
    this.code = code;
    this.problems = problems;
  }
}
