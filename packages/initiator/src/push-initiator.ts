import { randomUUID } from "node:crypto";
import { lenient, type PapDecodeOptions, papVersions, pushIdOf } from "@sip-push/pap";
import { Pool } from "undici";
import { type Question, readAnswer } from "./answers.ts";
import { authorizationOf, checkTls } from "./credentials.ts";
import { InitiatorError } from "./errors.ts";
import { Exchange, type ExchangeResult, failure } from "./exchange.ts";
import {
  DEFAULT_MAX_ANSWER_OCTETS,
  DEFAULT_MAX_CONNECTIONS,
  DEFAULT_MAX_IN_FLIGHT,
  DEFAULT_TIMEOUT_MS,
  type InitiatorClock,
  type InitiatorLogger,
  type PushInitiatorOptions,
  silentLogger,
  systemClock,
} from "./options.ts";
import type {
  CancelOutcome,
  CapabilitiesOutcome,
  GatewayResponse,
  Outcome,
  PushOutcome,
  StatusOutcome,
} from "./outcomes.ts";
import {
  type Dialect,
  encodeCancel,
  encodeCapabilitiesQuery,
  encodeStatusQuery,
  encodeSubmission,
  type PapEntity,
} from "./pap-message.ts";
import type { CapabilitiesQuery, PushQuery, PushSubmission } from "./submission.ts";

/** A push-id that nobody used before: a UUID at the domain of the initiator. @throws {InitiatorError} INITIATOR_BAD_PUSH. */
export function newPushId(domain: string): string {
  const pushId = pushIdOf(randomUUID(), domain);
  if (pushId === undefined) throw new InitiatorError("INITIATOR_BAD_PUSH", "makes no push-id", "domain");
  return pushId;
}

/** How to ask. */
export interface AskOptions {
  /** Gives the operation up; what the gateway has by then it may do. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The push initiator: submits pushes to a gateway over HTTP, cancels them and asks about them. PAP 2.x.
 *
 * Every operation is sent once, and never again by itself: a push that was sent twice may be pushed twice.
 */
export class PushInitiator {
  readonly #pool: Pool;
  readonly #path: string;
  readonly #authorization: string | undefined;
  readonly #dialect: Dialect;
  readonly #decoding: PapDecodeOptions;
  readonly #timeoutMs: number;
  readonly #maxInFlight: number;
  readonly #clock: InitiatorClock;
  readonly #logger: InitiatorLogger;
  readonly #underWay = new Set<Exchange>();
  #isClosed = false;

  /** Connects when there is something to send. @throws {InitiatorError} INITIATOR_BAD_OPTION. */
  constructor(options: PushInitiatorOptions) {
    const { url, credentials, tls = {}, version = "2.0", productName, limits = {} } = options;
    const target = gatewayUrl(url);
    if (!papVersions.includes(version)) throw badOption("version", `is none of ${papVersions.join(", ")}`);
    checkTls(tls);
    this.#timeoutMs = positive("timeoutMs", options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
    this.#maxInFlight = positive("limits.maxInFlight", limits.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT);
    this.#authorization = authorizationOf(credentials);
    this.#path = `${target.pathname}${target.search}`;
    this.#dialect = { version, ...(productName !== undefined && { productName }) };
    const maxMessageOctets = limits.maxMessageOctets ?? DEFAULT_MAX_ANSWER_OCTETS;
    // The states of a thousand recipients, each with its reason, are more than a push-message with as many.
    const answerLimits = { ...limits, maxMessageOctets, maxControlOctets: limits.maxControlOctets ?? maxMessageOctets };
    this.#decoding = { limits: answerLimits, leniency: options.leniency ?? lenient };
    this.#clock = options.clock ?? systemClock;
    this.#logger = options.logger ?? silentLogger;
    this.#pool = new Pool(target.origin, {
      connections: positive("limits.maxConnections", limits.maxConnections ?? DEFAULT_MAX_CONNECTIONS),
      pipelining: 1,
      allowH2: false,
      // The exchange has its own time, and its own measure of what is too much.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { ...tls, timeout: this.#timeoutMs },
    });
  }

  /**
   * Submits a push, or its replacement. `answered`: the gateway has it (papCode 1000 or 1001).
   *
   * @throws {InitiatorError} INITIATOR_BAD_PUSH, INITIATOR_CLOSED.
   */
  async push(push: PushSubmission, options: AskOptions = {}): Promise<PushOutcome> {
    const { pushId } = push;
    const entity = encodeSubmission(push, this.#dialect);
    const outcome = await this.#ask(entity, { response: "push-response", pushId }, options);
    return { ...outcome, pushId };
  }

  /**
   * Takes a push back, for all recipients or for some. Each `cancelResults` says what came of it for its addresses.
   *
   * @throws {InitiatorError} INITIATOR_BAD_PUSH, INITIATOR_CLOSED.
   */
  async cancel(query: PushQuery, options: AskOptions = {}): Promise<CancelOutcome> {
    const question = { response: "cancel-response", pushId: query.pushId } as const;
    return this.#ask(encodeCancel(query, this.#dialect), question, options);
  }

  /**
   * Asks for the state of a push, of all recipients or of some.
   *
   * @throws {InitiatorError} INITIATOR_BAD_PUSH, INITIATOR_CLOSED.
   */
  async status(query: PushQuery, options: AskOptions = {}): Promise<StatusOutcome> {
    const question = { response: "statusquery-response", pushId: query.pushId } as const;
    return this.#ask(encodeStatusQuery(query, this.#dialect), question, options);
  }

  /**
   * Asks what the handset at an address can do; the outcome has its `capabilities`.
   *
   * @throws {InitiatorError} INITIATOR_BAD_PUSH, INITIATOR_CLOSED.
   */
  async queryCapabilities(query: CapabilitiesQuery, options: AskOptions = {}): Promise<CapabilitiesOutcome> {
    const question = { response: "ccq-response", pushId: null } as const;
    return this.#ask(encodeCapabilitiesQuery(query, this.#dialect), question, options);
  }

  /** Gives up what is under way (`aborted`) and ends all connections. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const exchange of this.#underWay) exchange.fail("aborted", "the initiator was closed");
    await this.#pool.destroy();
  }

  async #ask<Kind extends GatewayResponse["kind"]>(
    entity: PapEntity,
    question: Question<Kind>,
    { signal }: AskOptions,
  ): Promise<Outcome<Extract<GatewayResponse, { kind: Kind }>>> {
    if (this.#isClosed) throw new InitiatorError("INITIATOR_CLOSED", "the initiator is closed");
    const startMs = this.#clock.now();
    const http = await this.#send(entity, signal);
    const outcome = "kind" in http ? http : readAnswer(http, question, this.#decoding, this.#clock.date().getTime());
    const elapsedMs = Math.round(this.#clock.now() - startMs);
    const { pushId } = question;
    const { kind, httpStatus, description } = outcome;
    this.#logger.debug({ pushId, question: question.response, kind, httpStatus, description, elapsedMs }, "asked");
    return { ...outcome, elapsedMs };
  }

  #send({ contentType, body }: PapEntity, signal: AbortSignal | undefined): Promise<ExchangeResult> {
    if (signal?.aborted) return Promise.resolve(failure("aborted", "given up before it was sent"));
    if (this.#underWay.size >= this.#maxInFlight) {
      return Promise.resolve(failure("busy", `${this.#maxInFlight} operations are under way`));
    }
    return new Promise((resolve) => {
      const giveUp = (): void => exchange.fail("aborted", "given up by the caller");
      const settle = (result: ExchangeResult): void => {
        this.#underWay.delete(exchange);
        signal?.removeEventListener("abort", giveUp);
        resolve(result);
      };
      const maxOctets = this.#decoding.limits?.maxMessageOctets ?? DEFAULT_MAX_ANSWER_OCTETS;
      const exchange = new Exchange(settle, { maxOctets, timeoutMs: this.#timeoutMs, clock: this.#clock });
      this.#underWay.add(exchange);
      signal?.addEventListener("abort", giveUp, { once: true });
      const headers: Record<string, string> = {
        "content-type": contentType,
        accept: "application/xml, multipart/related",
      };
      if (this.#authorization !== undefined) headers["authorization"] = this.#authorization;
      this.#pool.dispatch({ path: this.#path, method: "POST", headers, body }, exchange);
    });
  }
}

/** Where a gateway takes PAP. @throws {InitiatorError} INITIATOR_BAD_OPTION */
export function gatewayUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !["http:", "https:"].includes(url.protocol)) throw badOption("url", "is no http: or https: URL");
  // They would be logged with the URL; `credentials` are not.
  if (url.username !== "" || url.password !== "") throw badOption("url", "has a user or a password in it");
  return url;
}

function positive(field: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw badOption(field, "is no whole number above 0");
}

function badOption(field: string, problem: string): InitiatorError {
  return new InitiatorError("INITIATOR_BAD_OPTION", problem, field);
}
