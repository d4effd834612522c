import {
  badMessageReply,
  decodePap,
  descOf,
  encodePap,
  type PapCode,
  type PapDecodeOptions,
  PapError,
  type PapMessage,
  type PapOperation,
  papCodeDescriptions,
  papCodes,
  refusalReply,
  replyTo,
} from "@sip-push/pap";
import { DEFAULT_MAX_BODY_BYTES } from "@sip-push/push";
import { type Logger, silentLogger, systemClock } from "@sip-push/sip";
import { type PpgObserver, whichOf } from "../events.ts";
import { StoreError } from "../store/errors.ts";
import { AddressResolver } from "./address-resolver.ts";
import { failureAnswer, pushIdIn } from "./failure-answers.ts";
import type { Answered, OperationContext } from "./operation-context.ts";
import { handleOperation } from "./operations.ts";
import { type IntakeOptions, positive } from "./options.ts";
import { offeredOf } from "./quality-of-service.ts";
import { rightsOf } from "./rights.ts";
import { SubmitQueue } from "./submit-queue.ts";
import type { PapAnswer, PapRequest, PapService } from "./types.ts";

const ACCEPTED = 202;
const UNAVAILABLE = 503;
/** When to come again after 503: long enough for a queue to empty, or a database to be back. */
const RETRY_AFTER_SECONDS = 5;

/** A control entity has room for all addresses, and MIME fields stand around the content. Octets. */
const OCTETS_PER_ADDRESS = 300;
const READ_ADDRESSES = 1_000;
const OCTETS_BESIDES = 65_536;
const NO_OCTETS = new Uint8Array();

/**
 * The gateway's side of PAP 1.0, 2.0 and 2.1: checks operations, keeps pushes, answers in the version of the request. A push is
 * answered 1001 when the store has committed it, and not before. Every request gets an answer that is PAP.
 */
export class Intake implements PapService {
  readonly #context: OperationContext;
  readonly #decoding: PapDecodeOptions;
  readonly #maxWaiting: number;
  #waiting = 0;

  /** @throws {RangeError} for a limit, network, bearer or address rule that is none. */
  constructor(options: IntakeOptions) {
    const { store, clock = systemClock, logger = silentLogger, domain, limits = {} } = options;
    const domains = typeof domain === "string" ? [domain] : domain;
    const maxAddresses = positive(limits.maxAddresses ?? 1_000, "limits.maxAddresses");
    const maxContentOctets = positive(limits.maxContentOctets ?? DEFAULT_MAX_BODY_BYTES, "limits.maxContentOctets");
    const maxLifetimeSeconds = positive(limits.maxLifetimeSeconds ?? 604_800, "limits.maxLifetimeSeconds");
    this.#context = {
      store,
      submissions: new SubmitQueue(options.submissions ?? store, clock),
      resolver: new AddressResolver(domains, options.addressRules ?? {}, options.telDomain),
      offered: offeredOf(options.networks ?? [], options.bearers ?? []),
      limits: { maxAddresses, maxContentOctets, maxLifetimeSeconds },
      capabilitiesOf: options.capabilitiesOf ?? (async () => null),
      mayReach: options.mayReach ?? (() => true),
      senderAddress: domains[0] as string,
      senderName: options.name ?? "sip-push",
      clock,
      logger,
      observe: guarded(options.observe, logger),
    };
    this.#maxWaiting = positive(options.maxWaiting ?? 10_000, "maxWaiting");
    // More than the limit are read, so that a push with too many is answered as one.
    const readAddresses = Math.max(maxAddresses, READ_ADDRESSES);
    const maxControlOctets = OCTETS_BESIDES + readAddresses * OCTETS_PER_ADDRESS;
    const maxMessageOctets = maxControlOctets + 2 * maxContentOctets + OCTETS_BESIDES;
    this.#decoding = {
      limits: { maxAddresses: readAddresses, maxControlOctets, maxMessageOctets },
      ...(options.leniency !== undefined && { leniency: options.leniency }),
    };
  }

  /** Operations that wait for the store. */
  get waiting(): number {
    return this.#waiting;
  }

  /** What deliveries to an address are kept by: see {@link AddressResolver.recipientOf}. */
  recipientOf(address: string): string {
    return this.#context.resolver.recipientOf(address);
  }

  async handle(request: PapRequest): Promise<PapAnswer> {
    const { clock } = this.#context;
    const startedMs = clock.now();
    const receivedAt = clock.date();
    let message: PapMessage;
    try {
      message = decodePap(request.contentType ?? "", request.body, this.#decoding);
    } catch (error) {
      return this.#answerBadMessage(error, request, startedMs);
    }
    const { operation } = message;
    if (this.#waiting >= this.#maxWaiting) {
      const answered = failureAnswer(operation, papCodes.serviceUnavailable, { receivedAt }, this.#context);
      return this.#answer(request, message, answered, startedMs, UNAVAILABLE);
    }
    this.#waiting += 1;
    try {
      const received = { request, message, rights: rightsOf(request.initiator), receivedAt, startedMs };
      const answered = await handleOperation(operation, received, this.#context);
      return this.#answer(request, message, answered, startedMs, ACCEPTED);
    } catch (error) {
      return this.#answerFailure(error, request, message, receivedAt, startedMs);
    } finally {
      this.#waiting -= 1;
    }
  }

  refuse(
    papCode: PapCode,
    description: string,
    beginning: Uint8Array = NO_OCTETS,
  ): Pick<PapAnswer, "contentType" | "body"> {
    return encodePap(refusalReply(beginning, papCode, descOf(description)));
  }

  #answer(
    request: PapRequest,
    message: PapMessage,
    answered: Answered,
    startedMs: number,
    httpStatus: number,
  ): PapAnswer {
    const { operation, papCode, capabilities } = answered;
    const reply = replyTo(message, operation);
    const { contentType, body } = encodePap(capabilities === undefined ? reply : { ...reply, capabilities });
    const pushId = pushIdIn(message.operation);
    const { kind } = message.operation;
    if (papCode !== papCodes.acceptedForProcessing) this.#tell(request, kind, pushId, papCode, startedMs);
    const retryAfterSeconds = httpStatus === UNAVAILABLE ? RETRY_AFTER_SECONDS : null;
    return { httpStatus, contentType, body, retryAfterSeconds, operation: kind, pushId, papCode };
  }

  #answerBadMessage(error: unknown, request: PapRequest, startedMs: number): PapAnswer {
    if (!(error instanceof PapError)) {
      this.#context.logger.error({ err: error, initiator: request.initiator.name }, "PAP message not read");
    }
    const papError = error instanceof PapError ? error : new PapError("PAP_BAD_VALUE", "cannot be read");
    const { contentType, body } = encodePap(badMessageReply(papError));
    const { papCode } = papError;
    this.#tell(request, "bad-message", null, papCode, startedMs);
    return {
      httpStatus: ACCEPTED,
      contentType,
      body,
      retryAfterSeconds: null,
      operation: "bad-message",
      pushId: null,
      papCode,
    };
  }

  #answerFailure(
    error: unknown,
    request: PapRequest,
    message: PapMessage,
    receivedAt: Date,
    startedMs: number,
  ): PapAnswer {
    const { operation } = message;
    const isStore = error instanceof StoreError;
    const papCode = isStore ? papCodes.serviceUnavailable : papCodes.internalServerError;
    const fields = { err: error, pushId: pushIdIn(operation), initiator: request.initiator.name };
    if (isStore) this.#context.logger.warn(fields, "store does not answer");
    else this.#context.logger.error(fields, "PAP operation failed");
    const answered = failureAnswer(operation, papCode, { receivedAt }, this.#context);
    return this.#answer(request, message, answered, startedMs, isStore ? UNAVAILABLE : ACCEPTED);
  }

  #tell(
    { initiator }: PapRequest,
    operation: PapOperation["kind"] | "bad-message",
    pushId: string | null,
    papCode: PapCode,
    startedMs: number,
  ): void {
    const { clock, observe, logger } = this.#context;
    const elapsedMs = clock.now() - startedMs;
    observe({
      event: "answered",
      operation,
      initiator: initiator.name,
      pushId,
      papCode,
      atMs: clock.date().getTime(),
      elapsedMs,
    });
    const isGood = papCode === papCodes.ok;
    const fields = { pushId, initiator: initiator.name, operation, papCode };
    if (isGood) logger.debug(fields, "PAP operation answered");
    else logger.info(fields, `PAP operation refused: ${papCodeDescriptions[papCode]}`);
  }
}

/** What is stored stays answered 1001, whatever an observer does. */
function guarded(observe: PpgObserver | undefined, logger: Logger): PpgObserver {
  if (observe === undefined) return () => {};
  return (event) => {
    try {
      observe(event);
    } catch (error) {
      logger.error({ err: error, ...whichOf(event) }, "an observer failed");
    }
  };
}
