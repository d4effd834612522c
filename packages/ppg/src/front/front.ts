import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { type Clock, type Logger, silentLogger, systemClock } from "@sip-push/sip";
import type { HttpTls, InitiatorConfig } from "../config/types.ts";
import { Authenticator } from "./authenticator.ts";
import { type ClientFinder, clientFinder } from "./clients.ts";
import { FrontError } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { type FrontAddress, type Handler, Listener } from "./listener.ts";
import { frontLimits, type PpgFrontOptions } from "./options.ts";
import { PapRoute } from "./pap-route.ts";
import { type Refusal, refusalOfParser, refusals } from "./refusals.ts";
import { addOperationRoutes, openSite, type Site } from "./site.ts";

const DEFAULT_PATH = "/pap";
const DEFAULT_CLOSE_MS = 10_000;

/** What the front did so far, and what it holds now. */
export interface FrontStats {
  /** PAP requests under way, and octets of their bodies. */
  readonly active: number;
  readonly bufferedBytes: number;
  /** Requests that the service answered. */
  readonly answered: number;
  readonly refused: Readonly<Record<Refusal, number>>;
  /** Connections closed at once because there were too many. */
  readonly droppedConnections: number;
}

/** The last request of a connection while its answer is not written; `exchange` null: it is not about PAP. */
interface Latest {
  readonly response: ServerResponse;
  readonly exchange: Exchange | null;
}

/** A connection holds on to no request that is over: hundreds of connections stand idle. */
interface Connection {
  latest: Latest | undefined;
}

/** The HTTP side of a gateway: PAP on its path, health and metrics, and the routes of whoever registers some. */
export class PpgFront {
  readonly #listeners: Listener[] = [];
  readonly #addresses: FrontAddress[] = [];
  readonly #sites: Site[] = [];
  readonly #path: string;
  readonly #allowPlain: boolean;
  readonly #clientOf: ClientFinder;
  readonly #route: PapRoute;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #connections = new WeakMap<Duplex, Connection>();
  #operationAddress: FrontAddress | null = null;
  #closed: Promise<void> | undefined;

  private constructor(options: PpgFrontOptions) {
    const {
      service,
      initiators,
      allowPlain = false,
      clientOf = clientFinder([]),
      realm = "sip-push",
      clock = systemClock,
      logger = silentLogger,
    } = options;
    this.#path = options.path ?? DEFAULT_PATH;
    this.#clock = clock;
    this.#logger = logger;
    const limits = frontLimits(options.limits);
    this.#allowPlain = allowPlain;
    this.#clientOf = clientOf;
    const authenticator = new Authenticator(initiators, { clock, allowPlain, clientOf });
    this.#route = new PapRoute({ service, limits, realm, clientOf, clock, logger }, authenticator);
  }

  /**
   * Listens on all addresses; resolves when the front serves.
   *
   * @throws {FrontError} FRONT_LISTEN_FAILED, FRONT_BAD_TLS, FRONT_BAD_OPTION; then nothing is left open.
   */
  static async open(options: PpgFrontOptions): Promise<PpgFront> {
    const { path = DEFAULT_PATH, listen } = options;
    if (!/^\/[^?#\s]*$/.test(path)) throw new FrontError("FRONT_BAD_OPTION", `${JSON.stringify(path)} is no path`);
    if (listen.length === 0) throw new FrontError("FRONT_BAD_OPTION", "there is no address to listen on");
    const front = new PpgFront(options);
    try {
      await front.#open(options);
    } catch (error) {
      await front.close(0);
      throw error;
    }
    return front;
  }

  async #open(options: PpgFrontOptions): Promise<void> {
    const { listen, tls = null, register, logger = silentLogger } = options;
    const { operation } = options;
    const limits = frontLimits(options.limits);
    const addOperation = (app: Site["app"]): void => {
      if (operation !== undefined) addOperationRoutes(app, operation, () => this.closing);
    };
    const site = await openSite(this.#route, logger, limits.maxBodyBytes, async (app) => {
      if (operation?.listen === null) addOperation(app);
      await register?.(app);
    });
    this.#sites.push(site);
    const add = async (listener: Listener): Promise<FrontAddress> => {
      this.#listeners.push(listener);
      listener.server.on("clientError", (error, socket) => this.#garbled(error, socket));
      return listener.listen();
    };
    for (const wanted of listen)
      this.#addresses.push(await add(new Listener(wanted, tls, limits, this.#handlerFor(site))));
    if (operation === undefined || operation.listen === null) return;
    const operationSite = await openSite(this.#route, logger, limits.maxBodyBytes, addOperation);
    this.#sites.push(operationSite);
    const handler: Handler = (request, response) => this.#serve(operationSite, request, response);
    this.#operationAddress = await add(new Listener(operation.listen, tls, limits, handler));
  }

  /** Where it listens, in the order of `listen`, with the ports that it got. */
  get addresses(): readonly FrontAddress[] {
    return this.#addresses;
  }

  /** Where health and metrics are when they have a listener of their own. */
  get operationAddress(): FrontAddress | null {
    return this.#operationAddress;
  }

  get closing(): boolean {
    return this.#route.closing;
  }

  get stats(): FrontStats {
    const { active, bufferedBytes, answered, refusedCounts } = this.#route;
    const droppedConnections = this.#listeners.reduce((sum, { dropped }) => sum + dropped, 0);
    return { active, bufferedBytes, answered, refused: { ...refusedCounts }, droppedConnections };
  }

  /**
   * Takes new certificates for the connections to come, and other push initiators for the requests to come; those under way end as they
   * began. Undefined: these stay.
   *
   * @throws {FrontError} FRONT_BAD_TLS, FRONT_BAD_OPTION; then all stay.
   */
  reload({ tls, initiators }: { tls?: HttpTls | null; initiators?: readonly InitiatorConfig[] }): void {
    const { authenticator } = this.#route;
    const of = { clock: this.#clock, allowPlain: this.#allowPlain, clientOf: this.#clientOf };
    const next = initiators === undefined ? authenticator : new Authenticator(initiators, of, authenticator);
    if (tls !== undefined) for (const listener of this.#listeners) listener.reloadTls(tls);
    this.#route.authenticator = next;
  }

  /**
   * Stops gracefully: `/health/ready` is 503 from now on, no connection is taken any more, what is under way is answered with
   * `Connection: close`, and what comes on open connections is refused (503, 4001). Idempotent; a second call with less time
   * shortens the first.
   *
   * @param limitMs after that, connections are cut.
   */
  close(limitMs: number = DEFAULT_CLOSE_MS): Promise<void> {
    this.#closed ??= this.#close();
    const cut = (): void => {
      for (const { server } of this.#listeners) server.closeAllConnections();
    };
    if (limitMs === 0) cut();
    else {
      const timer = this.#clock.schedule(limitMs, cut);
      const cancel = (): void => timer.cancel();
      this.#closed.then(cancel, cancel);
    }
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#route.closing = true;
    const closed = this.#listeners.map((listener) => listener.close());
    // Streams that a console holds open end with its plugin.
    await Promise.all(this.#sites.map(({ app }) => app.close()));
    await Promise.all(closed);
  }

  #handlerFor(site: Site): Handler {
    const path = this.#path;
    const withQuery = `${path}?`;
    return (request, response, expects) => {
      if (this.#isEnding(request.socket)) {
        request.resume();
        return;
      }
      const url = originForm(request);
      if (hasRepeated(request)) {
        this.#follow(request, response, this.#route.turnAway(request, response, "malformed"));
        return;
      }
      if (url !== path && !url.startsWith(withQuery)) {
        if (expects) response.writeContinue();
        this.#serve(site, request, response);
        return;
      }
      this.#follow(request, response, this.#route.handle(request, response, expects));
    };
  }

  /** RFC 9112 §9.6: what comes behind an answer that ends the connection is not done, since nobody would hear of it. */
  #isEnding(socket: Duplex): boolean {
    return !socket.writable || this.#connections.get(socket)?.latest?.response.shouldKeepAlive === false;
  }

  #serve(site: Site, request: IncomingMessage, response: ServerResponse): void {
    this.#follow(request, response, null);
    if (this.closing) response.shouldKeepAlive = false;
    site.handle(request, response);
  }

  #follow({ socket }: IncomingMessage, response: ServerResponse, exchange: Exchange | null): void {
    let connection = this.#connections.get(socket);
    if (connection === undefined) this.#connections.set(socket, (connection = { latest: undefined }));
    if (connection.latest?.exchange) connection.latest.exchange.isFollowed = true;
    const latest = { response, exchange };
    connection.latest = latest;
    response.on("close", () => {
      if (connection.latest !== latest) return;
      connection.latest = undefined;
      // It may have been written before the front closed, behind one that took longer.
      if (this.closing) socket.end();
    });
  }

  /**
   * Octets came that are no request, or none came in time. Where a body is awaited, that is the answer to its request; behind
   * requests that wait for their answers the connection ends after these.
   */
  #garbled(error: Error & { code?: string }, socket: Duplex): void {
    const refusal = refusalOfParser(error);
    this.#logger.debug({ code: error.code, refusal }, "no HTTP request");
    const latest = this.#connections.get(socket)?.latest;
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else if (latest === undefined || latest.response.writableFinished) this.#sendGarbled(socket, refusal);
    else if (latest.exchange === null) socket.destroy();
    else latest.exchange.spoil(refusal);
  }

  #sendGarbled(socket: Duplex, refusal: Refusal): void {
    const { httpStatus } = refusals[refusal];
    const { headers, body } = this.#route.refused(refusal);
    const lines = [`HTTP/1.1 ${httpStatus} ${STATUS_CODES[httpStatus] ?? ""}`];
    for (let at = 0; at + 1 < headers.length; at += 2) lines.push(`${headers[at]}: ${headers[at + 1]}`);
    const date = this.#clock.date().toUTCString();
    lines.push(`Date: ${date}`, `Content-Length: ${body.length}`, "Connection: close", "", "");
    socket.end(Buffer.concat([Buffer.from(lines.join("\r\n"), "latin1"), body]), () => socket.destroy());
  }
}

const ABSOLUTE_FORM = /^https?:\/\/[^/?#]*/i;

/** The target as origin-form, which the request has from then on: clients may send absolute-form, too. RFC 9112 §3.2.2. */
function originForm(request: IncomingMessage): string {
  const { url = "" } = request;
  if (url.startsWith("/")) return url;
  const path = url.replace(ABSOLUTE_FORM, "");
  request.url = path === url || path.startsWith("/") ? path : `/${path}`;
  return request.url;
}

/** Of these a second one leaves open which holds: a proxy before us may have read the other. RFC 9112 §3.2, RFC 9110 §5.3. */
const singleFields: ReadonlyMap<number, string> = new Map(
  ["host", "authorization", "content-type"].map((name) => [name.length, name]),
);

/** By the lengths of the names first: this is done for each field of each request. */
function hasRepeated({ rawHeaders }: IncomingMessage): boolean {
  let seen = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? "";
    const single = singleFields.get(name.length);
    if (single === undefined || single !== name.toLowerCase()) continue;
    const bit = 1 << name.length;
    if ((seen & bit) !== 0) return true;
    seen |= bit;
  }
  return false;
}
