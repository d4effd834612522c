import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock, Logger } from "@sip-push/sip";
import type { PapAnswer, PapService } from "../intake/types.ts";
import type { AuthenticatedInitiator, Authentication, Authenticator } from "./authenticator.ts";
import type { ClientFinder } from "./clients.ts";
import { type BodyEnd, type BodyRoom, Exchange } from "./exchange.ts";
import type { FrontLimits } from "./options.ts";
import { type Refusal, refusals } from "./refusals.ts";

export interface PapRouteOptions {
  readonly service: PapService;
  readonly limits: Required<FrontLimits>;
  readonly realm: string;
  readonly clientOf: ClientFinder;
  readonly clock: Clock;
  readonly logger: Logger;
}

const LINE = Buffer.from("This is the Push Access Protocol of a Push Proxy Gateway: POST to it.\n");
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;
const MAX_TRACEPARENT = 128;

const ofAuthentication = {
  unauthenticated: "unauthenticated",
  insecure: "insecure",
  busy: "busy",
  slowedDown: "slowedDown",
} as const satisfies Readonly<Record<Exclude<Authentication["result"], "authenticated">, Refusal>>;

const ofBodyEnd = { tooLarge: "tooLarge", noRoom: "busy" } as const satisfies Partial<Record<BodyEnd, Refusal>>;

/** An answer and what it does not say by itself. */
interface Refused {
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}

/**
 * The path of PAP. It stands before the framework that has the other routes: no hook, no parser and no logger is between Node's
 * HTTP server and the {@link PapService}. Who may not or cannot be served is told before the body is read; of one that is
 * announced too large the beginning is quoted.
 */
export class PapRoute {
  readonly #options: PapRouteOptions;
  readonly #room: BodyRoom;
  readonly #refused = new Map<Refusal, Refused>();
  readonly #challenges: readonly string[];
  readonly #release = (): void => {
    this.#active -= 1;
  };
  #active = 0;
  #answered = 0;
  readonly #refusedCounts = Object.fromEntries(Object.keys(refusals).map((each) => [each, 0])) as Record<
    Refusal,
    number
  >;
  closing = false;
  /** May change: who comes next is known by another one. */
  authenticator: Authenticator;

  constructor(options: PapRouteOptions, authenticator: Authenticator) {
    this.#options = options;
    this.authenticator = authenticator;
    this.#room = { bufferedBytes: 0, maxBufferedBytes: options.limits.maxBufferedBytes };
    const realm = `realm="${options.realm.replace(/["\\]/g, "\\$&")}"`;
    this.#challenges = ["WWW-Authenticate", `Basic ${realm}, charset="UTF-8"`, "WWW-Authenticate", `Bearer ${realm}`];
  }

  get active(): number {
    return this.#active;
  }

  get bufferedBytes(): number {
    return this.#room.bufferedBytes;
  }

  get answered(): number {
    return this.#answered;
  }

  get refusedCounts(): Readonly<Record<Refusal, number>> {
    return this.#refusedCounts;
  }

  /** Serves one request. @param expects it waits for 100 (Continue) with its body. */
  handle(request: IncomingMessage, response: ServerResponse, expects: boolean): Exchange {
    this.#active += 1;
    const exchange = new Exchange(request, response, this.#room, this.#options.clock, this.#release);
    if (request.method !== "POST") this.#methodNotAllowed(exchange);
    else if (this.closing) this.refuse(exchange, "closing");
    else if (this.#active > this.#options.limits.maxConcurrent) this.refuse(exchange, "busy");
    else {
      const authentication = this.authenticator.authenticate(request);
      if (!(authentication instanceof Promise)) this.#authenticated(exchange, authentication, expects);
      else {
        void authentication.then((result) => {
          if (response.destroyed) exchange.abandon();
          else this.#authenticated(exchange, result, expects);
        });
      }
    }
    return exchange;
  }

  /** Refuses one request whatever it is about. */
  turnAway(request: IncomingMessage, response: ServerResponse, refusal: Refusal): Exchange {
    this.#active += 1;
    const exchange = new Exchange(request, response, this.#room, this.#options.clock, this.#release);
    this.refuse(exchange, refusal);
    return exchange;
  }

  #authenticated(exchange: Exchange, authentication: Authentication, expects: boolean): void {
    if (authentication.result !== "authenticated") {
      const wait = authentication.result === "slowedDown" ? authentication.retryAfterSeconds : undefined;
      this.refuse(exchange, ofAuthentication[authentication.result], wait);
      return;
    }
    const { headers } = exchange.request;
    const { maxBodyBytes, maxBufferedBytes } = this.#options.limits;
    const announced = Number(headers["content-length"] ?? 0);
    const wait = authentication.bucket?.take() ?? 0;
    if (wait > 0) this.refuse(exchange, "tooFast", wait);
    else if (isEncoded(headers["content-encoding"])) this.refuse(exchange, "encoded");
    else if (announced > maxBodyBytes && expects) this.refuse(exchange, "tooLarge");
    else if (announced <= maxBodyBytes && this.#room.bufferedBytes + announced > maxBufferedBytes)
      this.refuse(exchange, "busy");
    else {
      if (expects) exchange.response.writeContinue();
      // What is announced too large is refused with what comes first, to quote it.
      const maxOctets = announced > maxBodyBytes ? 0 : maxBodyBytes;
      exchange.readBody((end) => this.#read(exchange, authentication, end), maxOctets);
    }
  }

  #read(exchange: Exchange, { initiator }: AuthenticatedInitiator, end: BodyEnd): void {
    if (end === "broken") {
      exchange.abandon();
      return;
    }
    if (end !== "whole") {
      this.refuse(exchange, end === "spoiled" ? (exchange.spoiledBy ?? "malformed") : ofBodyEnd[end]);
      return;
    }
    const { headers } = exchange.request;
    const request = {
      initiator,
      contentType: headers["content-type"] ?? null,
      body: exchange.body,
      traceparent: traceparentOf(headers["traceparent"]),
    };
    this.#options.service.handle(request).then(
      (answer) => this.#answer(exchange, answer),
      (error: unknown) => {
        this.#options.logger.error({ err: error }, "PAP request failed");
        this.refuse(exchange, "failed");
      },
    );
  }

  #answer(exchange: Exchange, { httpStatus, contentType, body, retryAfterSeconds }: PapAnswer): void {
    this.#answered += 1;
    const headers = ["Content-Type", contentType];
    if (retryAfterSeconds !== null) headers.push("Retry-After", String(retryAfterSeconds));
    if (this.closing) endConnection(exchange);
    exchange.answer(httpStatus, headers, body);
  }

  /** @param retryAfterSeconds default: as the table says. */
  refuse(exchange: Exchange, refusal: Refusal, retryAfterSeconds?: number): void {
    const { httpStatus } = refusals[refusal];
    const { headers, body } = this.refused(refusal, retryAfterSeconds, exchange.beginning);
    if (this.closing) endConnection(exchange);
    if (refusal === "unauthenticated") this.#log(exchange, refusal);
    exchange.answer(httpStatus, headers, body);
  }

  /** Header fields and body of a refusal, counted. @param beginning what came of the body. */
  refused(
    refusal: Refusal,
    retryAfterSeconds?: number,
    beginning?: Uint8Array,
  ): { headers: string[]; body: Uint8Array } {
    this.#refusedCounts[refusal] += 1;
    const known = this.#refused.get(refusal);
    const isUnread = beginning === undefined || beginning.length === 0;
    const refused = isUnread && known !== undefined ? known : this.#write(refusal, beginning);
    if (isUnread) this.#refused.set(refusal, refused);
    const wait = retryAfterSeconds ?? refusals[refusal].retryAfterSeconds;
    const headers = wait === null ? [...refused.headers] : [...refused.headers, "Retry-After", String(wait)];
    return { headers, body: refused.body };
  }

  #write(refusal: Refusal, beginning: Uint8Array | undefined): Refused {
    const { papCode, desc } = refusals[refusal];
    const { contentType, body } = this.#options.service.refuse(papCode, desc, beginning);
    const challenges = refusal === "unauthenticated" ? this.#challenges : [];
    return { headers: ["Content-Type", contentType, ...challenges], body };
  }

  #log(exchange: Exchange, refusal: Refusal): void {
    const { request } = exchange;
    if (request.headers.authorization === undefined) return;
    const { clientOf, logger } = this.#options;
    logger.warn({ address: clientOf(request).address, refusal }, "wrong credentials");
  }

  /** RFC 9110 §15.5.6. A line for whoever looks at the path in a browser. */
  #methodNotAllowed(exchange: Exchange): void {
    if (this.closing) endConnection(exchange);
    exchange.answer(405, ["Allow", "POST", "Content-Type", "text/plain; charset=utf-8"], LINE);
  }
}

/** With this answer, unless there are more to come. */
function endConnection({ response, isFollowed }: Exchange): void {
  if (!isFollowed) response.shouldKeepAlive = false;
}

function isEncoded(coding: string | undefined): boolean {
  return coding !== undefined && coding.trim() !== "" && coding.trim().toLowerCase() !== "identity";
}

function traceparentOf(field: string | string[] | undefined): string | null {
  const text = typeof field === "string" && field.length <= MAX_TRACEPARENT ? field : "";
  return TRACEPARENT.test(text) ? text : null;
}
