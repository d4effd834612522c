import type { Dispatcher } from "undici";
import type { InitiatorClock } from "./options.ts";
import type { Failed, FailureReason } from "./outcomes.ts";

/** An HTTP response as it came. */
export interface HttpAnswer {
  readonly httpStatus: number;
  /** "" when it has none. */
  readonly contentType: string;
  /** Of Retry-After; null without one. */
  readonly retryAfter: string | null;
  /** Of Location; null without one. */
  readonly location: string | null;
  readonly body: Uint8Array;
}

export type ExchangeResult = HttpAnswer | Failed;

type Headers = Parameters<NonNullable<Dispatcher.DispatchHandler["onResponseStart"]>>[2];

const NO_OCTETS = new Uint8Array();

/** Takes one HTTP response off a connection, up to a number of octets and until a time; settles once, never rejects. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly #maxOctets: number;
  readonly #settle: (result: ExchangeResult) => void;
  readonly #timer: { cancel(): void };
  #controller: Dispatcher.DispatchController | undefined;
  #failure: Failed | undefined;
  #isDone = false;
  #status: number | null = null;
  #headers: Headers = {};
  #chunks: Buffer[] = [];
  #octets = 0;

  constructor(
    settle: (result: ExchangeResult) => void,
    options: { readonly maxOctets: number; readonly timeoutMs: number; readonly clock: InitiatorClock },
  ) {
    this.#settle = settle;
    this.#maxOctets = options.maxOctets;
    this.#timer = options.clock.schedule(options.timeoutMs, () =>
      this.fail("timeout", `no whole answer within ${options.timeoutMs} ms`),
    );
  }

  /** Gives up, wherever it stands. */
  fail(reason: FailureReason, description: string): void {
    if (this.#isDone) return;
    this.#failure = failure(reason, description, this.#status);
    this.#end(this.#failure);
    // Whose turn has not come is ended by onRequestStart.
    this.#controller?.abort(new Error(description));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(new Error(this.#failure.description));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: Headers): void {
    // 103 and its like come before the answer.
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#octets += chunk.length;
    if (this.#octets > this.#maxOctets) {
      this.fail("bad-answer", `the answer has more than ${this.#maxOctets} octets`);
      return;
    }
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const [only] = this.#chunks;
    const body = this.#chunks.length < 2 ? (only ?? NO_OCTETS) : Buffer.concat(this.#chunks);
    this.#end({
      httpStatus: this.#status ?? 0,
      contentType: this.#header("content-type") ?? "",
      retryAfter: this.#header("retry-after"),
      location: this.#header("location"),
      body,
    });
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    const [reason, description] = reasonOf(error);
    this.#end(failure(reason, description, this.#status));
  }

  #header(name: string): string | null {
    const value = this.#headers[name];
    return (Array.isArray(value) ? value[0] : value) ?? null;
  }

  #end(result: ExchangeResult): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#timer.cancel();
    this.#chunks = [];
    this.#settle(result);
  }
}

/** Reasons by the code of an error; a pattern stands for all that match. */
const reasons: ReadonlyArray<readonly [code: RegExp, reason: FailureReason]> = [
  [/^(ECONNREFUSED|ENOTFOUND|EAI_\w+|E(HOST|NET)UNREACH|EADDRNOTAVAIL|UND_ERR_CONNECT_TIMEOUT)$/, "unreachable"],
  [/^(ERR_TLS_\w+|ERR_SSL_\w+|CERT_\w+|UNABLE_TO_\w+|(DEPTH_ZERO_)?SELF_SIGNED_\w+|HOSTNAME_MISMATCH)$/, "untrusted"],
  [/^(INVALID_CA|INVALID_PURPOSE|EPROTO|PATH_LENGTH_EXCEEDED)$/, "untrusted"],
  [/^UND_ERR_(ABORTED|DESTROYED|CLOSED)$/, "aborted"],
  [/^(HPE_\w+|UND_ERR_(HEADERS_OVERFLOW|RESPONSE\w*|RES_\w+))$/, "bad-answer"],
];

const retryableReasons: Readonly<Record<FailureReason, boolean>> = {
  unreachable: true,
  untrusted: false,
  timeout: true,
  disconnected: true,
  aborted: true,
  "bad-answer": false,
  busy: true,
};

/** A {@link Failed} for that reason. */
export function failure(reason: FailureReason, description: string, httpStatus: number | null = null): Failed {
  return { kind: "failed", reason, description, httpStatus, retryable: retryableReasons[reason] };
}

/** What an error of the connection is; several addresses that were tried are one error with many. */
function reasonOf(error: Error): readonly [FailureReason, string] {
  const first = error instanceof AggregateError ? ((error.errors[0] as Error | undefined) ?? error) : error;
  const code = (first as NodeJS.ErrnoException).code ?? (first.cause as NodeJS.ErrnoException | undefined)?.code ?? "";
  if (first.name === "HTTPParserError") return ["bad-answer", "the answer is no HTTP"];
  const reason = reasons.find(([pattern]) => pattern.test(code))?.[1] ?? "disconnected";
  return [reason, first.message || code];
}
