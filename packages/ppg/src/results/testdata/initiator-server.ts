import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import { decodePap, encodePap, type PapMessage, type ResultNotificationMessage } from "@sip-push/pap";

/** One result as it came. */
export interface ToldResult {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly message: PapMessage;
  readonly result: ResultNotificationMessage;
}

/** How a push initiator's server answers: with this, or by itself, with the response in its hands. */
export type ServerAnswer =
  | { readonly status?: number; readonly headers?: Record<string, string>; readonly body?: string | Uint8Array }
  | ((response: ServerResponse) => void);

/** A resultnotification-response with this code. */
export function responseWith(code: number, told: ToldResult): { headers: Record<string, string>; body: Uint8Array } {
  const { pushId, address } = told.result;
  const { contentType, body } = encodePap({
    version: told.message.version,
    operation: { kind: "resultnotification-response", pushId, code, address },
  });
  return { headers: { "content-type": contentType }, body };
}

/** The HTTP server of a push initiator, on a free port of loopback. */
export class InitiatorServer {
  readonly told: ToldResult[] = [];
  /** Default: accepted, code 1000. */
  answer: (told: ToldResult, count: number) => ServerAnswer = (told) => responseWith(1000, told);
  readonly #server: Server;
  readonly #secure: boolean;
  #port = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  constructor(tls?: ServerOptions) {
    this.#secure = tls !== undefined;
    const serve = (request: IncomingMessage, response: ServerResponse): void => void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(serve) : createSecureServer(tls, serve);
  }

  /** @param port default: a free one. */
  async listen(port = 0): Promise<this> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
    return this;
  }

  get port(): number {
    return this.#port;
  }

  url(path = "/results"): string {
    return `${this.#secure ? "https" : "http"}://127.0.0.1:${this.#port}${path}`;
  }

  /** Resolves when so many came. */
  async count(count: number): Promise<void> {
    if (this.told.length < count) await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const message = decodePap(request.headers["content-type"] ?? "", Buffer.concat(chunks));
    const { operation: result } = message;
    if (result.kind !== "resultnotification-message") throw new Error(result.kind);
    const told = { url: request.url ?? "", headers: request.headers, message, result };
    this.told.push(told);
    const answer = this.answer(told, this.told.length);
    if (typeof answer === "function") answer(response);
    else response.writeHead(answer.status ?? 200, answer.headers ?? {}).end(answer.body ?? "");
    for (const { count, resolve } of this.#waiting) if (this.told.length >= count) resolve();
    this.#waiting = this.#waiting.filter(({ count }) => this.told.length < count);
  }
}
