import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { lenient, type PapDecodeOptions, type PapLeniency, type PapLimits } from "@sip-push/pap";
import { isAuthorized } from "./basic-check.ts";
import { InitiatorError } from "./errors.ts";
import { type InitiatorLogger, silentLogger } from "./options.ts";
import type { PapEntity } from "./pap-message.ts";
import { readBody } from "./read-body.ts";
import { Repetitions } from "./repetitions.ts";
import { answerResult, identityOf, type PushResult, readResult } from "./results.ts";

/** Upper bounds of a listener; what is left out has its default. */
export interface ResultListenerLimits extends PapLimits {
  /** Connections at one time. Default 100. */
  readonly maxConnections?: number;
  /** Results that `onResult` works on, or that wait to be read; one more is answered 503. Default 1,000. */
  readonly maxPending?: number;
  /** Results that are remembered to know repetitions. Default 100,000. */
  readonly maxRemembered?: number;
  /** For a whole request to come. Default 10,000. */
  readonly requestTimeoutMs?: number;
}

/** Options of a {@link ResultListener}. */
export interface ResultListenerOptions {
  readonly listen: { readonly address: string; readonly port: number };
  /** Path that results are posted to. Default `/`. */
  readonly path?: string;
  /** Basic credentials that a gateway must show; 401 without them. */
  readonly credentials?: { readonly user: string; readonly password: string };
  /** Listen on https, with this certificate and its key in PEM; with `ca`, gateways must show a certificate of it. */
  readonly tls?: { readonly cert: string; readonly key: string; readonly ca?: string | undefined };
  /** Mistakes of gateways that are let pass. Default: all that `lenient` of `@sip-push/pap` has. */
  readonly leniency?: PapLeniency;
  readonly limits?: ResultListenerLimits;
  /** Whether a result that was told before reaches the application once more, marked. Default false: it is answered only. */
  readonly repetitions?: boolean;
  /**
   * Takes each result. The gateway is answered when it resolves; when it rejects, the gateway is told to come again (503), so that
   * no result is lost before the application has it. Without it, results are read from the listener: `for await`.
   */
  readonly onResult?: (result: PushResult) => void | Promise<void>;
  readonly logger?: InitiatorLogger;
}

const DEFAULT_MAX_CONNECTIONS = 100;
const DEFAULT_MAX_PENDING = 1_000;
const DEFAULT_MAX_REMEMBERED = 100_000;
const DEFAULT_REQUEST_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_MESSAGE_OCTETS = 65_536;
/** What a gateway is told that has to come again. */
const RETRY_AFTER_SECONDS = 5;

/** A result that nobody has read yet. */
interface Waiting {
  readonly result: PushResult;
  readonly taken: () => void;
  readonly refused: (reason: Error) => void;
}

/** The place where a gateway tells what became of pushes: their `ppg-notify-requested-to`. PAP 2.x. */
export class ResultListener implements AsyncIterable<PushResult> {
  /** To be named as `notifyUrl`; its host is the listening address. */
  readonly url: string;
  readonly #server: Server;
  readonly #path: string;
  readonly #options: ResultListenerOptions;
  readonly #decoding: PapDecodeOptions;
  readonly #maxPending: number;
  readonly #logger: InitiatorLogger;
  readonly #repetitions: Repetitions;
  readonly #waiting: Waiting[] = [];
  readonly #readers: Array<(next: IteratorResult<PushResult, undefined>) => void> = [];
  /** Results that the application has and that are not answered yet. */
  readonly #handling = new Set<Promise<void>>();
  /** Results that the application is given for the first time, by what makes two the same; whether it took them. */
  readonly #taking = new Map<string, Promise<boolean>>();
  #pending = 0;
  #isClosed = false;
  #closing: Promise<void> | undefined;

  /** Listens. Rejects with {@link InitiatorError} INITIATOR_BAD_OPTION or INITIATOR_LISTEN_FAILED. */
  static async open(options: ResultListenerOptions): Promise<ResultListener> {
    const { listen, path = "/", tls, limits = {} } = options;
    if (!/^\/[\x21-\x7e]*$/.test(path)) {
      throw new InitiatorError("INITIATOR_BAD_OPTION", "begins with / and has no blanks", "path");
    }
    const server = createFor(tls, limits.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS);
    server.maxConnections = limits.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once("error", (error) =>
        reject(new InitiatorError("INITIATOR_LISTEN_FAILED", error.message, "listen", error)),
      );
      server.listen(listen.port, listen.address, resolve);
    });
    return new ResultListener(server, path, options);
  }

  private constructor(server: Server, path: string, options: ResultListenerOptions) {
    const { limits = {}, leniency = lenient, tls, logger = silentLogger } = options;
    const { address, port, family } = server.address() as AddressInfo;
    const host = family === "IPv6" ? `[${address}]` : address;
    this.url = `${tls === undefined ? "http" : "https"}://${host}:${port}${path}`;
    this.#server = server;
    this.#path = path;
    this.#options = options;
    this.#decoding = { leniency, limits: { maxMessageOctets: DEFAULT_MAX_MESSAGE_OCTETS, ...limits } };
    this.#maxPending = limits.maxPending ?? DEFAULT_MAX_PENDING;
    this.#logger = logger;
    this.#repetitions = new Repetitions(limits.maxRemembered ?? DEFAULT_MAX_REMEMBERED);
    server.on("request", (request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        // What is left to go wrong is the connection.
        this.#logger.debug({ err: error }, "a gateway went away");
        response.destroy();
      });
    });
  }

  /** Results in the order in which they came, one reader at a time; ends with `close()`. A result is answered when it is taken. */
  [Symbol.asyncIterator](): AsyncIterator<PushResult, undefined> {
    return {
      next: () => {
        const first = this.#waiting.shift();
        if (first !== undefined) {
          first.taken();
          return Promise.resolve({ value: first.result, done: false });
        }
        if (this.#isClosed) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve) => this.#readers.push(resolve));
      },
      return: () => Promise.resolve({ value: undefined, done: true }),
    };
  }

  /** Takes no more; results that nobody has read are answered 503, and `onResult` is waited for. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#isClosed = true;
    for (const reader of this.#readers.splice(0)) reader({ value: undefined, done: true });
    for (const { refused } of this.#waiting.splice(0)) refused(new Error("the listener was closed"));
    const ended = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.allSettled(this.#handling);
    // Others have not said what they want, or not all of it.
    this.#server.closeAllConnections();
    return ended;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { credentials } = this.#options;
    if (credentials !== undefined && !isAuthorized(request.headers.authorization, credentials)) {
      response.setHeader("www-authenticate", 'Basic realm="results", charset="UTF-8"');
      return drop(request, response, 401);
    }
    if (!this.#isHere(request.url ?? "")) return drop(request, response, 404);
    if (request.method !== "POST") {
      response.setHeader("allow", "POST");
      return drop(request, response, 405);
    }
    if (this.#isClosed || this.#pending >= this.#maxPending) return comeAgain(request, response);
    this.#pending++;
    try {
      const maxOctets = this.#decoding.limits?.maxMessageOctets ?? DEFAULT_MAX_MESSAGE_OCTETS;
      const body = await readBody(request, maxOctets);
      if (body === "too-large") return drop(request, response, 413);
      const handling = this.#take(request, response, body);
      this.#handling.add(handling);
      await handling.finally(() => this.#handling.delete(handling));
    } finally {
      this.#pending--;
    }
  }

  /** A query is left aside, unless the path has one: it may be what makes the URL a secret. */
  #isHere(url: string): boolean {
    return url === this.#path || (!this.#path.includes("?") && url.split("?", 1)[0] === this.#path);
  }

  async #take(request: IncomingMessage, response: ServerResponse, body: Uint8Array): Promise<void> {
    const read = readResult(request.headers["content-type"] ?? "", body, this.#decoding);
    if ("refusal" in read) {
      this.#logger.warn({ peer: request.socket.remoteAddress, problem: read.problem }, "no result notification");
      return send(response, read.refusal);
    }
    const { notification, message } = read;
    const identity = identityOf(notification);
    // A gateway that does not wait for the answer tells it again while the application still works on it.
    const earlier = this.#taking.get(identity);
    if (earlier !== undefined && !(await earlier)) return comeAgain(request, response);
    const isRepetition = this.#repetitions.has(identity);
    if (!isRepetition || this.#options.repetitions === true) {
      const { kind: _, ...result } = notification;
      const taking = this.#isTaken({ ...result, isRepetition });
      if (!isRepetition) this.#taking.set(identity, taking);
      const isTaken = await taking;
      if (isTaken) this.#repetitions.add(identity);
      if (!isRepetition) this.#taking.delete(identity);
      if (!isTaken) return comeAgain(request, response);
    }
    await send(response, answerResult(message, notification));
  }

  /** Whether the application took it. */
  async #isTaken(result: PushResult): Promise<boolean> {
    try {
      await this.#hand(result);
      return true;
    } catch (error) {
      this.#logger.warn({ err: error, pushId: result.pushId }, "the application did not take a result");
      return false;
    }
  }

  /** Resolves when the application has it. */
  async #hand(result: PushResult): Promise<void> {
    const { onResult } = this.#options;
    if (onResult !== undefined) return onResult(result);
    const reader = this.#readers.shift();
    if (reader !== undefined) return reader({ value: result, done: false });
    this.#logger.debug({ pushId: result.pushId }, "a result waits to be read");
    return new Promise((taken, refused) => this.#waiting.push({ result, taken, refused }));
  }
}

function createFor(tls: ResultListenerOptions["tls"], requestTimeout: number): Server {
  // How often Node looks for requests that are too slow.
  const connectionsCheckingInterval = Math.min(requestTimeout, 1_000);
  const times = { requestTimeout, headersTimeout: requestTimeout, connectionsCheckingInterval };
  if (tls === undefined) return createServer(times);
  try {
    return createTlsServer({
      ...times,
      ...tls,
      requestCert: tls.ca !== undefined,
      rejectUnauthorized: tls.ca !== undefined,
    });
  } catch (error) {
    throw new InitiatorError("INITIATOR_BAD_OPTION", "holds no PEM, or the key is not the certificate's", "tls", error);
  }
}

/** Resolves when the answer is on its way, or the gateway is gone. */
function send(response: ServerResponse, { contentType, body }: PapEntity): Promise<void> {
  response.writeHead(202, { "content-type": contentType, "content-length": body.length });
  return finish(response, body);
}

function comeAgain(request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader("retry-after", RETRY_AFTER_SECONDS);
  return drop(request, response, 503);
}

/** Answers without a body. What is left of the request is not read, so the connection ends, unless all of it has come. */
function drop(request: IncomingMessage, response: ServerResponse, status: number): Promise<void> {
  if (!request.complete) response.setHeader("connection", "close");
  response.writeHead(status, { "content-length": 0 });
  return finish(response);
}

function finish(response: ServerResponse, body?: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    response.once("finish", resolve).once("close", resolve);
    response.end(body);
  });
}
