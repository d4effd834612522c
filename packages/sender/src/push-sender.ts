import {
  checkPush,
  checkRepresentation,
  DEFAULT_MAX_BODY_BYTES,
  deadlineOf,
  PushInputError,
  type PushMessage,
  PushRequestFactory,
  type Representation,
} from "@sip-push/push";
import { type ListenAddress, type Logger, RequestSender, SipEndpoint, UasCore } from "@sip-push/sip";
import { Closing } from "./closing.ts";
import { Delivery, type DeliveryContext, type DeliveryJob } from "./delivery.ts";
import { type PushSenderLimits, type PushSenderOptions, type ReadOptions, readOptions } from "./options.ts";
import type { PushOutcome } from "./outcome.ts";
import { parseRecipient, type Recipient } from "./recipient.ts";
import { RecipientQueue } from "./recipient-queue.ts";

/** How one push is delivered. */
export interface DeliverOptions {
  /** One recipient or several: `sip:`, `sips:` or `tel:` URIs. */
  readonly to: string | readonly string[];
  /** Gives up: recipients without an outcome yet come out `cancelled`, although a request under way may still arrive. */
  readonly signal?: AbortSignal;
  /** The same content in other forms, offered in this order to a handset that answers 415. */
  readonly alternatives?: readonly Representation[];
}

const defaultLimits: Required<PushSenderLimits> = {
  maxBodyBytes: DEFAULT_MAX_BODY_BYTES,
  maxRecipients: 10_000,
  maxPending: 200_000,
};

/**
 * Push Sender agent (OMA SIP Push, reference point P-2): hands pushes to the SIP/IP core and says what became of each. It keeps
 * nothing: who must not lose a push keeps it until the outcome is there.
 */
export class PushSender {
  readonly #endpoint: SipEndpoint;
  readonly #ownsEndpoint: boolean;
  readonly #context: DeliveryContext;
  readonly #domain: string | undefined;
  readonly #insecureHop: boolean;
  readonly #limits: Required<PushSenderLimits>;
  readonly #logger: Logger;
  readonly #closing = new Closing();
  #closed: Promise<void> | undefined;
  readonly #stats = { pending: 0, ended: 0, refused: 0 };

  private constructor(
    options: PushSenderOptions,
    { binding, nextHop, insecureHop, credentials }: ReadOptions,
    endpoint: SipEndpoint,
  ) {
    this.#endpoint = endpoint;
    this.#ownsEndpoint = options.endpoint === undefined;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#logger = options.logger ?? endpoint.logger;
    this.#domain = options.domain;
    this.#insecureHop = insecureHop;
    this.#context = {
      clock: endpoint.clock,
      requestSender: new RequestSender({ ...options.stack, endpoint }),
      factory: new PushRequestFactory(binding),
      sendOptions: {
        ...(nextHop === undefined ? {} : { nextHop }),
        ...(credentials === undefined ? {} : { credentials }),
      },
      retry: options.retry,
      random: options.stack?.random ?? Math.random,
      maxBodyBytes: this.#limits.maxBodyBytes,
      queue: options.allowOverlap === true ? undefined : new RecipientQueue(),
      closing: this.#closing,
      outlived: !this.#ownsEndpoint,
    };
  }

  /**
   * Opens its sockets, or takes the endpoint given.
   *
   * @throws {PushInputError} PUSH_BAD_OPTION naming the option.
   * @throws {SipTransportError} SIP_LISTEN_FAILED.
   */
  static async open(options: PushSenderOptions): Promise<PushSender> {
    const read = readOptions(options);
    if (options.endpoint !== undefined) return new PushSender(options, read, options.endpoint);
    // A sender that is asked what it can do says so (RFC 3261 §11); it takes no other request.
    const uas = new UasCore({ methods: {} });
    const endpoint = await SipEndpoint.open({
      ...options.stack,
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.logger === undefined ? {} : { logger: options.logger }),
      listen: options.listen ?? [],
      onRequest: (transaction) => uas.handle(transaction),
    });
    return new PushSender(options, read, endpoint);
  }

  /** What it is bound to, with real ports. */
  get listening(): readonly ListenAddress[] {
    return this.#endpoint.listening;
  }

  /** What came and went: deliveries under way or waiting, those that ended, those refused because of `maxPending`. */
  get stats(): { readonly pending: number; readonly ended: number; readonly refused: number } {
    return { ...this.#stats };
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
    for (const [index, each] of alternatives.entries()) {
      checkRepresentation(each, `alternatives[${index}].`, this.#limits);
    }
    const recipients = this.#recipients(options.to);
    const { clock } = this.#context;
    const shared = { push, alternatives, signal, deadline: deadlineOf(push, clock.date()), startedMs: clock.now() };
    return Promise.all(recipients.map((recipient) => this.#deliverTo({ ...shared, recipient })));
  }

  /** Gives up what is under way (outcome `unknown`) or waits to be tried again, and closes. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.close();
    if (this.#ownsEndpoint) await this.#endpoint.close();
  }

  #recipients(to: string | readonly string[]): Recipient[] {
    const several = typeof to !== "string";
    const texts = several ? to : [to];
    if (texts.length === 0) throw new PushInputError("PUSH_NO_RECIPIENT", "to", "names no recipient");
    if (texts.length > this.#limits.maxRecipients) {
      const problem = `names ${texts.length} recipients, the limit is ${this.#limits.maxRecipients}`;
      throw new PushInputError("PUSH_TOO_MANY_RECIPIENTS", "to", problem);
    }
    const options = this.#domain === undefined ? {} : { domain: this.#domain };
    return texts.map((text, index) => {
      const field = several ? `to[${index}]` : "to";
      const recipient = parseRecipient(text, field, options);
      if (recipient.secure && this.#insecureHop) {
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
    try {
      return this.#ended(await delivery.run(), job);
    } finally {
      this.#stats.pending--;
    }
  }

  #ended(outcome: PushOutcome, { push }: DeliveryJob): PushOutcome {
    this.#stats.ended++;
    const { to, callId, messageState, papCode, sipStatus, reason, attempts, elapsedMs } = outcome;
    const { contentType, body } = push;
    this.#logger.info(
      { to, callId, messageState, papCode, sipStatus, reason, attempts, elapsedMs, contentType, bytes: body.length },
      "push ended",
    );
    return outcome;
  }
}
