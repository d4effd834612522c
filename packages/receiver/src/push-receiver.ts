import {
  acceptedCodings,
  decodeText,
  type ListenAddress,
  RequestSender,
  type ServerTransaction,
  SipEndpoint,
  type SipRequest,
  UasCore,
} from "@sip-push/sip";
import { type Answer, reply } from "./answer.ts";
import type { ReceiverApplication } from "./applications.ts";
import { answerBy, carriers } from "./carrier.ts";
import type { ReceiverEvent } from "./events.ts";
import { closingAnswer } from "./handlers.ts";
import { PushIntake, type PushNotification } from "./intake.ts";
import { defaultLimits, type PushReceiverOptions, type ReadOptions, readOptions, reportOptionsOf } from "./options.ts";
import { type METHODS, OPTION_TAGS, ReceiverServices } from "./receiver-services.ts";
import { Reporter, type ReportStats } from "./reports/index.ts";
import { PushLimit, type PushSubscription, readSubscription, type SubscriptionOptions } from "./subscriptions/index.ts";
import { TrustList } from "./trust-policy.ts";

/** For the last reports, while the services end. */
const CLOSE_MS = 900;

/**
 * Push Receiver agent (OMA SIP Push, reference point P-1): registers a handset's applications, subscribes to pushes, takes them, and
 * hands each over once, whatever the network does with its requests; follows references to subscribe, and publishes what it can
 * take.
 */
export class PushReceiver {
  readonly #endpoint: SipEndpoint;
  readonly #ownsEndpoint: boolean;
  readonly #services: ReceiverServices;
  readonly #intake: PushIntake;
  readonly #limit: PushLimit;
  readonly #reporter: Reporter;
  readonly #uas: UasCore;
  readonly #onEvent: (event: ReceiverEvent) => void;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(options: PushReceiverOptions, read: ReadOptions, endpoint: SipEndpoint) {
    const { aor, stack, trustedPpgs, expired = "refuse", clockToleranceSeconds = 30 } = options;
    const limits = { ...defaultLimits, ...options.limits };
    const logger = options.logger ?? endpoint.logger;
    const { clock } = endpoint;
    this.#endpoint = endpoint;
    this.#ownsEndpoint = options.endpoint === undefined;
    this.#onEvent = (event) => {
      try {
        options.onEvent?.(event);
      } catch (error) {
        logger.error({ err: error, event: event.event }, "receiver observer threw");
      }
    };
    const trust = trustedPpgs === undefined ? undefined : new TrustList(trustedPpgs);
    const services = new ReceiverServices({
      endpoint,
      sender: new RequestSender({ ...stack, endpoint }),
      options,
      read,
      limits,
      trust,
      takePush: (notification) => this.#takeNotify(notification),
      onEvent: this.#onEvent,
      logger,
    });
    const { face, own, hops } = services;
    this.#services = services;
    this.#reporter = new Reporter({
      ...reportOptionsOf(options),
      send: (init, signal) => own.send(init, signal),
      onEvent: this.#onEvent,
      aor,
      clock,
      logger,
      repeatWindowMs: limits.repeatWindowMs,
      maxRemembered: limits.maxRemembered,
      ...(stack?.random === undefined ? {} : { random: stack.random }),
    });
    this.#intake = new PushIntake({
      rules: {
        // They can change.
        get applications() {
          return face.all;
        },
        trust,
        maxBodyBytes: limits.maxBodyBytes,
        expired,
        clockToleranceSeconds,
      },
      hops,
      digest: options.digest,
      handlers: options.handlers ?? {},
      limits,
      onPush: options.onPush && ((push) => options.onPush?.(push)),
      onRefused: this.#onEvent,
      reporter: this.#reporter,
      clock,
      logger,
      closing: this.#closing.signal,
    });
    this.#limit = new PushLimit(clock, limits.maxPushesPerMinute, limits.maxRemembered);
    this.#uas = this.#newUas();
  }

  /**
   * Listens, and starts to register; `registered` tells when that is done. Then it subscribes and publishes.
   *
   * @throws {PushInputError} naming the option. {@link SipTransportError} SIP_LISTEN_FAILED.
   */
  static async open(options: PushReceiverOptions): Promise<PushReceiver> {
    const read = readOptions(options);
    let receiver: PushReceiver | undefined;
    const endpoint =
      options.endpoint ??
      (await SipEndpoint.open({
        ...options.stack,
        ...(options.clock === undefined ? {} : { clock: options.clock }),
        ...(options.logger === undefined ? {} : { logger: options.logger }),
        listen: options.listen ?? [],
        onRequest: (transaction) =>
          receiver === undefined ? reply(transaction, closingAnswer) : receiver.handle(transaction),
      }));
    try {
      const opening = new PushReceiver(options, read, endpoint);
      await opening.#services.open();
      receiver = opening;
      receiver.#onEvent({ event: "listening", uri: receiver.contact });
      receiver.#services.start();
      return receiver;
    } catch (error) {
      if (options.endpoint === undefined) await endpoint.close();
      throw error;
    }
  }

  /** What it is bound to, with real ports. */
  get listening(): readonly ListenAddress[] {
    return this.#endpoint.listening;
  }

  /** Contact URI: where requests reach this receiver directly. */
  get contact(): string {
    return this.#services.face.address;
  }

  /** Public GRUU (RFC 5627), when the registrar gave one. */
  get gruu(): string | undefined {
    return this.#services.registration?.user.gruu;
  }

  /** Pushes handed over, repeats, refusals; and handlers at work. */
  get stats(): {
    readonly pushes: number;
    readonly repeats: number;
    readonly refused: number;
    readonly inFlight: number;
  } {
    return { ...this.#intake.stats, inFlight: this.#intake.inFlight };
  }

  /** Delivery reports: sent, failed and dropped. */
  get reportStats(): ReportStats {
    return this.#reporter.stats;
  }

  /** NOTIFYs that belonged to no subscription (481), and that could not be read (400). */
  get notifyStats(): { readonly unmatched: number; readonly malformed: number } {
    return { ...this.#services.subscriptions.stats };
  }

  /** Subscriptions to pushes, those by reference among them. */
  get subscriptions(): readonly PushSubscription[] {
    return this.#services.subscriptions.all;
  }

  /**
   * Subscribes to the pushes of `to`, once the receiver is registered, and keeps that up until it is stopped. A second subscription
   * to the same target and applications is the first.
   *
   * @throws {PushInputError} naming the option. {@link TypeError} when the receiver was closed.
   */
  subscribe(to: string, options: Omit<SubscriptionOptions, "to"> = {}): PushSubscription {
    if (this.#closed !== undefined) throw new TypeError("receiver: closed");
    return this.#services.subscriptions.subscribe(readSubscription({ ...options, to }, "subscription"));
  }

  /**
   * The handset has other applications now: registers, tells senders, and publishes anew.
   *
   * @throws {PushInputError} naming `applications[i]`; nothing has changed then.
   */
  setApplications(applications: ReadonlyArray<string | ReceiverApplication>): void {
    this.#services.setApplications(applications);
  }

  /** Takes a request; the caller of an `endpoint` of its own passes them here. */
  handle(transaction: ServerTransaction): void {
    const { method } = transaction.request;
    // The last NOTIFY of a subscription that is being ended.
    if (this.#closed === undefined || method === "NOTIFY") this.#uas.handle(transaction);
    else reply(transaction, closingAnswer);
  }

  /** Refuses what still comes, ends subscriptions, publication and binding (within a second), ends handlers and closes. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#reporter.close(CLOSE_MS), this.#services.close()]);
    this.#closing.abort();
    // One turn, for the answers of handlers that were just ended.
    await Promise.resolve();
    if (this.#ownsEndpoint) await this.#endpoint.close();
  }

  #newUas(): UasCore {
    const services = this.#services;
    const { face } = services;
    const methods: Record<(typeof METHODS)[number], (transaction: ServerTransaction) => void> = {
      MESSAGE: (transaction) => this.#takeMessage(transaction),
      NOTIFY: (transaction) => services.subscriptions.handle(transaction),
      REFER: (transaction) => services.referrals?.handle(transaction),
      SUBSCRIBE: (transaction) => services.referrals?.handleSubscribe(transaction),
    };
    return new UasCore({
      methods,
      get accept() {
        return face.all.accept;
      },
      acceptEncodings: acceptedCodings,
      optionTags: OPTION_TAGS,
      optionsHeaders: () => [
        ["Contact", face.contact],
        ["Allow-Events", services.eventPackages.join(", ")],
      ],
    });
  }

  #takeMessage(transaction: ServerTransaction): void {
    const refusal = this.#limit.refusal(this.#senderOf(transaction));
    if (refusal === undefined) this.#intake.take(transaction);
    else reply(transaction, this.#tellRefused(transaction.request, refusal));
  }

  #takeNotify(notification: PushNotification): Answer | Promise<Answer> {
    if (this.#closed !== undefined) return answerBy(carriers.notify, closingAnswer);
    const refusal = this.#limit.refusal(this.#senderOf(notification));
    return refusal === undefined
      ? this.#intake.takeNotify(notification)
      : this.#tellRefused(notification.request, refusal);
  }

  /** Two words for two ways to know it: who only writes the identity of another in From must not use up what that one may. */
  #senderOf({ request, flow, subscribedTo }: PushNotification): string {
    const [identity] = this.#services.hops.assertedIdentities(request, flow, subscribedTo);
    return identity === undefined ? `from ${request.from.uriText}` : `asserted ${identity.text}`;
  }

  #tellRefused({ from, callId, headers, body }: SipRequest, answer: Answer): Answer {
    this.#intake.stats.refused++;
    const { statusCode: sipStatus, reason = "" } = answer;
    const contentType = headers.get("Content-Type");
    this.#onEvent({
      event: "refused",
      from: decodeText(from.uriText),
      callId,
      contentType: contentType === undefined ? null : decodeText(contentType),
      length: body.length,
      sipStatus,
      reason,
    });
    return answer;
  }
}
