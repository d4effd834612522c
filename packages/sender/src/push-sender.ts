import {
  checkNumbers,
  checkPush,
  checkRepresentation,
  DEFAULT_MAX_BODY_BYTES,
  deadlineOf,
  normalizeApplicationId,
  PushInputError,
  type PushMessage,
  PushRequestFactory,
} from "@sip-push/push";
import {
  type ListenAddress,
  type Logger,
  RequestSender,
  type SendOptions,
  type ServerTransaction,
  SipEndpoint,
} from "@sip-push/sip";
import type { CapabilityAnswer, KnownHandset } from "./capabilities/index.ts";
import { checkChain, type DeliveryChain } from "./chain.ts";
import { Closing } from "./closing.ts";
import { Delivery } from "./delivery.ts";
import type { DeliveryContext, DeliveryJob } from "./delivery-job.ts";
import type { PushAlternative } from "./offer-choice.ts";
import type { DeliveryVia, PushSenderLimits, PushSenderOptions } from "./options.ts";
import type { PushOutcome } from "./outcome.ts";
import { type ReadOptions, readOptions } from "./read-options.ts";
import { parseRecipient, type Recipient } from "./recipient.ts";
import { RecipientQueue } from "./recipient-queue.ts";
import { type ReferOptions, type ReferOutcome, sendReferral } from "./referrals/index.ts";
import type { RegistrationRequest, RegistrationResult } from "./registrations/index.ts";
import type { ReportStats } from "./reports/index.ts";
import { addrSpecOf, SenderServices } from "./sender-services.ts";

/** How one push is delivered. */
export interface DeliverOptions {
  /** One recipient or several: `sip:`, `sips:` or `tel:` URIs. */
  readonly to: string | readonly string[];
  /** Gives up: recipients without an outcome yet come out `cancelled`, although a request under way may still arrive. */
  readonly signal?: AbortSignal;
  /**
   * The same content in other forms, in order of preference: offered to a handset that is known not to take the push itself, or
   * answers 415.
   */
  readonly alternatives?: readonly PushAlternative[];
  /** Default: the sender's. */
  readonly via?: DeliveryVia;
  /**
   * When the handset is not there, wait so long until it registers (for `via: "notify"`: subscribes), and push then. Never past
   * deliver-before. Default 0: it is told at once.
   */
  readonly waitForRegistrationSeconds?: number;
  /** How long to wait for the report of a push that asks for one, after it was accepted. Default 30. */
  readonly reportTimeoutSeconds?: number;
  /**
   * The push is one attempt of several that the caller makes, of one recipient: who is told of the final response, and does not
   * wait for the delivery report. That goes to the option `reportBook`.
   */
  readonly chain?: DeliveryChain;
  /** Of whoever submitted it, for the log. */
  readonly pushId?: string;
}

/** RFC 5438 leaves it open; a handset that is reached reports at once. */
const REPORT_TIMEOUT_SECONDS = 30;

const waitRanges = { waitForRegistrationSeconds: {}, reportTimeoutSeconds: {} };

const defaultLimits: Required<PushSenderLimits> = {
  maxBodyBytes: DEFAULT_MAX_BODY_BYTES,
  maxRecipients: 10_000,
  maxPending: 200_000,
};

/**
 * Push Sender agent (OMA SIP Push, reference point P-2): hands pushes to the SIP/IP core and says what became of each. It keeps
 * no pushes: who must not lose one keeps it until the outcome is there. Handsets subscribe to it, publish to it, and report.
 */
export class PushSender {
  readonly #endpoint: SipEndpoint;
  readonly #ownsEndpoint: boolean;
  readonly #context: DeliveryContext;
  readonly #services: SenderServices;
  readonly #read: ReadOptions;
  readonly #options: PushSenderOptions;
  readonly #limits: Required<PushSenderLimits>;
  readonly #logger: Logger;
  readonly #closing = new Closing();
  #closed: Promise<void> | undefined;
  readonly #stats = { pending: 0, ended: 0, refused: 0 };

  private constructor(
    options: PushSenderOptions,
    read: ReadOptions,
    endpoint: SipEndpoint,
    requestSender: RequestSender,
    services: SenderServices,
  ) {
    this.#endpoint = endpoint;
    this.#ownsEndpoint = options.endpoint === undefined;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#logger = options.logger ?? endpoint.logger;
    this.#options = options;
    this.#read = read;
    this.#services = services;
    this.#context = {
      clock: endpoint.clock,
      requestSender,
      factory: new PushRequestFactory(read.binding),
      sendOptions: sendOptionsOf(read),
      retry: options.retry,
      random: options.stack?.random ?? Math.random,
      maxBodyBytes: this.#limits.maxBodyBytes,
      queue: options.allowOverlap === true ? undefined : new RecipientQueue(),
      closing: this.#closing,
      services,
      outlived: !this.#ownsEndpoint,
    };
  }

  /**
   * Opens its sockets, or takes the endpoint given, and goes on with the subscriptions that the store has.
   *
   * @throws {PushInputError} PUSH_BAD_OPTION naming the option.
   * @throws {SipTransportError} SIP_LISTEN_FAILED.
   */
  static async open(options: PushSenderOptions): Promise<PushSender> {
    const read = readOptions(options);
    let services: SenderServices | undefined;
    const endpoint =
      options.endpoint ??
      (await SipEndpoint.open({
        ...options.stack,
        ...(options.clock === undefined ? {} : { clock: options.clock }),
        ...(options.logger === undefined ? {} : { logger: options.logger }),
        listen: options.listen ?? [],
        onRequest: (transaction) => {
          if (services === undefined) transaction.reply(503, { headers: [["Retry-After", "1"]] });
          else services.handle(transaction);
        },
      }));
    try {
      const sender = new RequestSender({ ...options.stack, endpoint });
      const logger = options.logger ?? endpoint.logger;
      services = await SenderServices.open({
        endpoint,
        sender,
        options,
        read,
        sendOptions: sendOptionsOf(read),
        logger,
      });
      return new PushSender(options, read, endpoint, sender, services);
    } catch (error) {
      if (options.endpoint === undefined) await endpoint.close();
      throw error;
    }
  }

  /** Takes a request; the caller of an `endpoint` of its own passes them here. */
  handle(transaction: ServerTransaction): void {
    this.#services.handle(transaction);
  }

  /** What it is bound to, with real ports. */
  get listening(): readonly ListenAddress[] {
    return this.#endpoint.listening;
  }

  /** What came and went: deliveries under way or waiting, those that ended, those refused because of `maxPending`. */
  get stats(): { readonly pending: number; readonly ended: number; readonly refused: number } {
    return { ...this.#stats };
  }

  /** Live subscriptions of handsets. */
  get subscriptions(): number {
    return this.#services.subscriptions.size;
  }

  /** Delivery reports: waited for, taken, and ignored by reason. */
  get reports(): ReportStats {
    return this.#services.reports.stats;
  }

  /** What is known of the handsets of a user. */
  capabilitiesOf(aor: string): readonly KnownHandset[] {
    return this.#services.capabilities.lookup(aor);
  }

  /**
   * Asks a user's handset what it can take (OPTIONS, RFC 3261 §11), and remembers the answer.
   *
   * @throws {PushInputError} PUSH_BAD_RECIPIENT naming `to`.
   */
  async queryCapabilities(
    to: string,
    { applicationId, signal }: { readonly applicationId?: string; readonly signal?: AbortSignal } = {},
  ): Promise<CapabilityAnswer> {
    const [recipient] = this.#recipients(to) as [Recipient];
    return this.#services.query(recipient.requestUri, applicationId ?? null, signal);
  }

  /**
   * Waits until a recipient registers: by the `reg` event package (RFC 3680), which is subscribed to meanwhile, and by third-party
   * REGISTERs. Never rejects, and always ends; says so when there is no room for one more wait, and when nobody will tell.
   *
   * @throws {PushInputError} PUSH_BAD_RECIPIENT naming `to`.
   */
  whenRegistered(to: string, request: RegistrationRequest): Promise<RegistrationResult> {
    const [recipient] = this.#recipients(to) as [Recipient];
    return this.#services.registrations.whenRegistered(recipient.requestUri, request);
  }

  /**
   * Pushes to each recipient and says what became of it: one outcome per recipient, in their order. All input is checked first,
   * so that either nothing was sent or everything was tried. A refusal by a peer, or no answer, is an outcome.
   *
   * @throws {PushInputError} naming the field: `to[1]`, `body`, `alternatives[0].contentType`, …
   */
  async deliver(push: PushMessage, options: DeliverOptions): Promise<PushOutcome[]> {
    const { alternatives = [], signal } = options;
    checkPush(push, this.#limits);
    const { waitForRegistrationSeconds, reportTimeoutSeconds } = options;
    if (waitForRegistrationSeconds !== undefined || reportTimeoutSeconds !== undefined) {
      checkNumbers({ waitForRegistrationSeconds, reportTimeoutSeconds }, waitRanges);
    }
    for (const [index, each] of alternatives.entries()) {
      checkRepresentation(each, `alternatives[${index}].`, this.#limits);
      const { applicationId } = each;
      if (applicationId != null) normalizeApplicationId(applicationId, `alternatives[${index}].applicationId`);
    }
    const recipients = this.#recipients(options.to);
    const { chain } = options;
    if (chain !== undefined) {
      checkChain(chain);
      if (recipients.length > 1) throw new PushInputError("PUSH_BAD_OPTION", "chain", "is of one recipient");
    }
    const { clock } = this.#context;
    const shared = {
      push,
      alternatives,
      signal,
      chain,
      pushId: options.pushId,
      deadline: deadlineOf(push, clock.date()),
      startedMs: clock.now(),
      via: options.via ?? this.#options.via ?? "auto",
      offlineWaitMs: (options.waitForRegistrationSeconds ?? 0) * 1000,
      reportWaitMs: (options.reportTimeoutSeconds ?? REPORT_TIMEOUT_SECONDS) * 1000,
    };
    return Promise.all(recipients.map((recipient) => this.#deliverTo({ ...shared, recipient })));
  }

  /**
   * Gives up what is under way (outcome `unknown`) or waits to be tried again, tells subscribers to come back later unless a store keeps
   * their subscriptions, and closes within two seconds. Idempotent.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.close();
    await this.#services.close();
    if (this.#ownsEndpoint) await this.#endpoint.close();
  }

  /**
   * Refers a handset to a sender, this one unless told otherwise: it subscribes there to the applications given (REFER, reference to
   * subscribe).
   *
   * @throws {PushInputError} naming the field.
   */
  async refer(to: string, options: Omit<ReferOptions, "target"> & { readonly target?: string }): Promise<ReferOutcome> {
    const [recipient] = this.#recipients(to) as [Recipient];
    const { requestSender: sender, sendOptions } = this.#context;
    const { referrals: desk, contact, ownHeaders } = this.#services;
    const { from } = this.#options;
    const settings = { sender, desk, sendOptions, from, contact, headers: ownHeaders };
    const signal = this.#services.untilClosed(options.signal);
    return sendReferral(settings, recipient.requestUri, { target: addrSpecOf(from), ...options, signal });
  }

  #recipients(to: string | readonly string[]): Recipient[] {
    const several = typeof to !== "string";
    const texts = several ? to : [to];
    if (texts.length === 0) throw new PushInputError("PUSH_NO_RECIPIENT", "to", "names no recipient");
    if (texts.length > this.#limits.maxRecipients) {
      const problem = `names ${texts.length} recipients, the limit is ${this.#limits.maxRecipients}`;
      throw new PushInputError("PUSH_TOO_MANY_RECIPIENTS", "to", problem);
    }
    const { domain } = this.#options;
    const options = domain === undefined ? {} : { domain };
    return texts.map((text, index) => {
      const field = several ? `to[${index}]` : "to";
      const recipient = parseRecipient(text, field, options);
      if (recipient.secure && this.#read.insecureHop) {
        const problem = `${recipient.to} must travel over TLS all the way, and the first hop is not reached over TLS`;
        throw new PushInputError("PUSH_INSECURE_PROXY", field, problem);
      }
      return recipient;
    });
  }

  async #deliverTo(job: DeliveryJob): Promise<PushOutcome> {
    const delivery = new Delivery(this.#context, job);
    if (this.#stats.pending >= this.#limits.maxPending) {
      this.#stats.refused++;
      return this.#ended(delivery.refuse("too many deliveries are under way"), job);
    }
    this.#stats.pending++;
    this.#services.presence?.watch(job.recipient.requestUri);
    try {
      return this.#ended(await delivery.run(), job);
    } finally {
      this.#stats.pending--;
    }
  }

  #ended(outcome: PushOutcome, job: DeliveryJob): PushOutcome {
    this.#stats.ended++;
    const { to, callId, messageState, papCode, sipStatus, reason, attempts, elapsedMs } = outcome;
    const { contentType, body } = job.push;
    const { chain, pushId } = job;
    const end = { to, callId, messageState, papCode, sipStatus, reason, attempts, elapsedMs, contentType };
    const fields = { ...(pushId !== undefined && { pushId }), ...end, bytes: body.length };
    // Whoever makes the attempts of a chain tells of them itself.
    if (chain === undefined) this.#logger.info(fields, "push ended");
    else this.#logger.debug(fields, "attempt ended");
    return outcome;
  }
}

/** Next hop and credentials of requests outside a dialog. */
function sendOptionsOf({ nextHop, credentials }: ReadOptions): SendOptions {
  return { ...(nextHop === undefined ? {} : { nextHop }), ...(credentials === undefined ? {} : { credentials }) };
}
