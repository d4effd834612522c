import type { Dispatcher } from "undici";

/**
 * What came of a POST. `body` null: longer than was read. `none`: no whole answer; `problem` is a code such as `ECONNREFUSED`
 * or `TIMEOUT`, `detail` what the system says of it.
 */
export type HttpOutcome =
  | {
      readonly kind: "answer";
      readonly httpStatus: number;
      readonly contentType: string | null;
      readonly retryAfter: string | null;
      readonly body: Uint8Array | null;
    }
  | { readonly kind: "none"; readonly problem: string; readonly detail?: string };

export interface HttpPostRequest {
  readonly origin: string;
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Uint8Array;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** One POST over undici's lowest layer: no streams, no redirects, no timer of its own; whoever sends it aborts it in time. */
export class HttpPost implements Dispatcher.DispatchHandler {
  readonly #maxBytes: number;
  #done: ((outcome: HttpOutcome) => void) | null;
  #controller: Dispatcher.DispatchController | null = null;
  #httpStatus = 0;
  #headers: Headers = {};
  #chunks: Buffer[] = [];
  #octets = 0;

  /** @param done called once, never before this returns. */
  constructor(
    dispatcher: Dispatcher,
    { origin, path, headers, body }: HttpPostRequest,
    maxBytes: number,
    done: (outcome: HttpOutcome) => void,
  ) {
    this.#maxBytes = maxBytes;
    this.#done = done;
    try {
      dispatcher.dispatch({ origin, path, method: "POST", headers, body, headersTimeout: 0, bodyTimeout: 0 }, this);
    } catch (error) {
      queueMicrotask(() => this.#end(noneOf(error)));
    }
  }

  /** Gives it up, if it is not over yet: that is its outcome. */
  abort(problem: string): void {
    if (this.#done === null) return;
    this.#end({ kind: "none", problem });
    this.#controller?.abort(new Error(problem));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Aborted while it waited for a connection.
    if (this.#done === null) controller.abort(new Error("aborted"));
  }

  onResponseStart(_controller: Dispatcher.DispatchController, httpStatus: number, headers: Headers): void {
    if (httpStatus < 200) return;
    this.#httpStatus = httpStatus;
    this.#headers = headers;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#octets += chunk.length;
    if (this.#octets <= this.#maxBytes) this.#chunks.push(chunk);
    else {
      this.#answer(null);
      controller.abort(new Error("the answer is too long"));
    }
  }

  onResponseEnd(): void {
    const [first] = this.#chunks;
    this.#answer(first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks, this.#octets));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#end(noneOf(error));
  }

  #answer(body: Uint8Array | null): void {
    const contentType = textOf(this.#headers["content-type"]);
    const retryAfter = textOf(this.#headers["retry-after"]);
    this.#end({ kind: "answer", httpStatus: this.#httpStatus, contentType, retryAfter, body });
  }

  #end(outcome: HttpOutcome): void {
    const done = this.#done;
    this.#done = null;
    this.#chunks = [];
    done?.(outcome);
  }
}

function textOf(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null;
}

function noneOf(error: unknown): HttpOutcome {
  if (!(error instanceof Error)) return { kind: "none", problem: "FAILED" };
  const { code, message } = error as NodeJS.ErrnoException;
  return { kind: "none", problem: code ?? "FAILED", detail: message };
}
