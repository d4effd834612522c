import { type Dialog, detached, dialogFromRequest } from "../dialog/index.ts";
import { newTag, paramValue } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import { TimerWheel } from "../transaction/timer-wheel.ts";
import { eventsMatch } from "./event-header.ts";
import type { NotifierHost, SubscriptionInit } from "./notifier-host.ts";
import type {
  ImplicitSubscription,
  NotificationInit,
  NotifierOptions,
  NotifierReport,
  NotifyOutcome,
  SubscribeDecision,
  SubscribeRequest,
  Subscription,
} from "./notifier-options.ts";
import { NotifierSubscription } from "./notifier-subscription.ts";
import { failure } from "./notify-queue.ts";
import { RecordWriter } from "./record-writer.ts";
import { checkedRecord, initOf } from "./stored-record.ts";
import {
  readSubscribe,
  rulesOf,
  type SubscribeForm,
  type SubscribeRefusal,
  type SubscribeRules,
} from "./subscribe-checks.ts";
import type { SubscriptionEndReason } from "./subscription-state.ts";
import {
  type JsonValue,
  MemorySubscriptionStore,
  type SubscriptionRecord,
  type SubscriptionStore,
} from "./subscription-store.ts";
import { SubscriptionTable } from "./subscription-table.ts";

/** Granularity of expiry: a second, so that any number of subscriptions costs one wake-up. */
const TICK_MS = 1000;
/** What a refusal for too many asks for. */
const RETRY_AFTER: readonly [string, string] = ["Retry-After", "60"];

/**
 * The notifier of one event package: takes SUBSCRIBE, keeps subscriptions, sends NOTIFY. RFC 6665 §4.2. Subscriptions are in
 * a store as well, so that one made with the same store goes on where this one stopped.
 */
export class Notifier {
  readonly #options: NotifierOptions;
  readonly #store: SubscriptionStore;
  readonly #wheel: TimerWheel;
  readonly #writer: RecordWriter;
  readonly #table: SubscriptionTable<NotifierSubscription>;
  readonly #host: NotifierHost;
  readonly #rules: SubscribeRules;
  /** SUBSCRIBEs that the application thinks about: they count for the limit. */
  #judging = 0;
  #closed: Promise<void> | undefined;
  readonly #counts = {
    created: 0,
    refused: 0,
    notified: 0,
    notifyFailed: 0,
    queueFull: 0,
    overloaded: 0,
    damaged: 0,
  };

  private constructor(options: NotifierOptions) {
    this.#options = options;
    const { endpoint, allowEvents } = options;
    this.#store = options.store ?? new MemorySubscriptionStore();
    this.#wheel = new TimerWheel(endpoint.clock, TICK_MS);
    this.#writer = new RecordWriter(this.#store, this.#wheel, endpoint.logger);
    this.#table = new SubscriptionTable();
    const events = (): readonly string[] =>
      typeof allowEvents === "function" ? allowEvents() : (allowEvents ?? [options.package]);
    this.#rules = rulesOf(options, events);
    this.#host = {
      options,
      wheel: this.#wheel,
      writer: this.#writer,
      allowEvents: events,
      enter: (subscription) => this.#table.add(subscription),
      leave: (subscription) => this.#table.remove(subscription),
      report: (report) => this.#report(report),
      notified: (outcome) => {
        this.#counts.notified++;
        if (outcome.kind === "failure" || outcome.response.statusCode >= 300) this.#counts.notifyFailed++;
      },
    };
  }

  /**
   * A notifier with the subscriptions that its store has: those that ran out meanwhile are ended. A record that cannot be
   * read is logged, counted and left alone. Rejects when the store cannot be read.
   */
  static async open(options: NotifierOptions): Promise<Notifier> {
    const notifier = new Notifier(options);
    try {
      for await (const record of notifier.#store.load(options.package)) notifier.#restore(record);
    } catch (error) {
      notifier.#abandon();
      throw error;
    }
    return notifier;
  }

  /** The event package. */
  get package(): string {
    return this.#options.package;
  }

  /** Subscriptions, those whose last NOTIFY is under way included. */
  get size(): number {
    return this.#table.size;
  }

  /** What came and went. `storeFailures`: writes that failed; `damaged`: records that could not be read. */
  get stats(): Readonly<
    Record<
      "created" | "refused" | "notified" | "notifyFailed" | "queueFull" | "overloaded" | "damaged" | "storeFailures",
      number
    >
  > {
    return { ...this.#counts, storeFailures: this.#writer.failures };
  }

  /** A live subscription, or undefined. */
  get(id: string): Subscription | undefined {
    const subscription = this.#table.get(id);
    return subscription?.state === "terminated" ? undefined : subscription;
  }

  /** All live subscriptions to `resource`, in the order they were made; to anything when it is left out. */
  *subscriptions(resource?: string): IterableIterator<Subscription> {
    for (const subscription of this.#table.all(resource)) if (subscription.state !== "terminated") yield subscription;
  }

  /** The handler of SUBSCRIBE for a UasCore, when this is the only notifier; else see {@link notifierHandler}. */
  handle(transaction: ServerTransaction): void {
    const { request } = transaction;
    if (this.#closed !== undefined) return transaction.reply(503);
    const form = readSubscribe(request, this.#rules);
    if ("statusCode" in form) return this.#refuse(transaction, form);
    if (request.to.params.has("tag")) this.#refresh(transaction, form);
    else this.#create(transaction, form);
  }

  /**
   * Sends a NOTIFY behind those of the same subscription that wait. `signal` takes it back while it waits, and stops waiting
   * for its answer when it has left. Never rejects.
   */
  notify(id: string, init: NotificationInit, signal?: AbortSignal): Promise<NotifyOutcome> {
    const subscription = this.#table.get(id);
    if (subscription === undefined || subscription.state === "terminated") {
      return Promise.resolve(failure("SIP_NO_SUBSCRIPTION", "there is no such subscription", false, true));
    }
    if (subscription.queued >= this.#maxQueued) {
      this.#counts.queueFull++;
      return Promise.resolve(failure("SIP_QUEUE_FULL", "too many NOTIFYs of this subscription wait", true));
    }
    return subscription.notify(init, signal);
  }

  /** A pending subscription becomes active, and is notified of the state. False when there is none that is pending. */
  permit(id: string): boolean {
    const subscription = this.#table.get(id);
    if (subscription?.state !== "pending") return false;
    subscription.permit();
    return true;
  }

  /** Keeps other application data with a subscription. False when there is none. */
  update(id: string, applicationData: JsonValue): boolean {
    const subscription = this.#table.get(id);
    if (subscription === undefined || subscription.state === "terminated") return false;
    subscription.applicationData = applicationData;
    subscription.save();
    return true;
  }

  /**
   * Ends a subscription with a last NOTIFY, behind those that wait. False when there is none. RFC 6665 §4.2.2.
   *
   * @param last what that NOTIFY says besides.
   */
  terminate(
    id: string,
    reason: SubscriptionEndReason,
    retryAfterSeconds?: number,
    last: NotificationInit = {},
  ): boolean {
    const subscription = this.#table.get(id);
    if (subscription === undefined || subscription.state === "terminated") return false;
    subscription.end("ended", reason, retryAfterSeconds, last);
    return true;
  }

  /**
   * Accepts a request that makes a subscription by the way, and answers it: a REFER (RFC 3515 §2.4.4). From then on the
   * subscription is like any other. Undefined when it was refused: within a dialog 403 (RFC 6665 §4.5.2), malformed 400, past
   * the limit 503, past that of one subscriber 486; when `init` or Contact cannot stand in the answer 500.
   */
  adopt(transaction: ServerTransaction, init: ImplicitSubscription): Subscription | undefined {
    const { request, flow } = transaction;
    const tooMany = this.#closed !== undefined || this.#isFull ? 503 : this.#hasEnough(request.from.uriText) ? 486 : 0;
    if (tooMany !== 0) {
      this.#overload(transaction, tooMany);
      return undefined;
    }
    const inDialog = request.to.params.has("tag");
    const made = inDialog ? undefined : dialogFromRequest(request, newTag(), flow);
    if (made?.dialog === undefined) {
      const problem = { statusCode: 400, reason: made?.problem ?? "" };
      this.#refuse(transaction, inDialog ? { statusCode: 403, reason: "Dialog sharing is not supported" } : problem);
      return undefined;
    }
    const { expiresSeconds, applicationData = null, headers = [], statusCode = 202 } = init;
    const event = { package: this.package, params: new Map<string, string | null>() };
    const subscription = this.#made(transaction, made.dialog, { event, accept: [], applicationData, expiresSeconds });
    try {
      subscription.accepted("granted", { transaction, expiresSeconds, headers, implicitly: statusCode });
    } catch (error) {
      this.#broken(transaction, error);
      return undefined;
    }
    this.#counts.created++;
    return subscription;
  }

  /**
   * Stops: NOTIFYs under way and waiting are given `timeoutMs`, then they fail with SIP_CLOSED; the store is written.
   * Subscriptions live on in the store. Idempotent; nothing is left running.
   */
  close(timeoutMs = 900): Promise<void> {
    this.#closed ??= this.#close(timeoutMs);
    return this.#closed;
  }

  async #close(timeoutMs: number): Promise<void> {
    const settled = async (): Promise<void> => {
      await Promise.all([...this.#table.all()].map((subscription) => subscription.settled()));
      // What ended was erased.
      await this.#writer.idle();
    };
    await new Promise<void>((resolve) => {
      const timer = this.#options.endpoint.clock.schedule(timeoutMs, resolve);
      void settled().then(() => {
        timer.cancel();
        resolve();
      });
    });
    this.#abandon();
  }

  #abandon(): void {
    for (const subscription of [...this.#table.all()]) subscription.close();
    this.#writer.close();
    this.#wheel.close();
  }

  get #isFull(): boolean {
    return this.#table.size + this.#judging >= (this.#options.maxSubscriptions ?? 100_000);
  }

  #hasEnough(subscriber: string): boolean {
    return this.#table.countOf(subscriber) >= (this.#options.maxPerSubscriber ?? 100);
  }

  get #maxQueued(): number {
    return this.#options.maxQueued ?? 64;
  }

  #create(transaction: ServerTransaction, form: SubscribeForm): void {
    const { request, flow } = transaction;
    if (this.#isFull) return this.#overload(transaction, 503);
    const made = dialogFromRequest(request, newTag(), flow);
    if (made.dialog === undefined) return this.#refuse(transaction, { statusCode: 400, reason: made.problem });
    const subscription = this.#made(transaction, made.dialog, { ...form, applicationData: null });
    this.#judge(transaction, form, subscription, undefined);
  }

  #made(
    { request, flow }: ServerTransaction,
    dialog: Dialog,
    form: Pick<SubscriptionInit, "event" | "accept" | "applicationData" | "expiresSeconds">,
  ): NotifierSubscription {
    const [resource, subscriber] = [detached(request.requestUri), detached(request.from.uriText)];
    return new NotifierSubscription(this.#host, { ...form, state: "respWait", dialog, resource, subscriber, flow });
  }

  #refresh(transaction: ServerTransaction, form: SubscribeForm): void {
    const { request } = transaction;
    const tags = [request.to, request.from].map(({ params }) => paramValue(params, "tag"));
    const subscription = this.#table.get(tags[0] ?? "");
    const known = subscription?.state !== "terminated" && subscription?.dialog.holds(request.callId, tags[0], tags[1]);
    if (subscription === undefined || known !== true) return this.#refuse(transaction, { statusCode: 481 });
    if (subscription.dialog.receive(request) === "old") return this.#refuse(transaction, { statusCode: 500 });
    // §4.5.2: another event would be another subscription in the same dialog.
    if (!eventsMatch(form.event, subscription.event)) {
      return this.#refuse(transaction, { statusCode: 403, reason: "Dialog sharing is not supported" });
    }
    // A subscriber that refreshes but answers no NOTIFY would make the queue grow.
    if (subscription.queued >= this.#maxQueued) return this.#overload(transaction, 500);
    this.#judge(transaction, form, subscription, subscription);
  }

  /** Asks the application about a new SUBSCRIBE (`known` is undefined) or one of a live subscription. */
  #judge(
    transaction: ServerTransaction,
    form: SubscribeForm,
    subscription: NotifierSubscription,
    known: NotifierSubscription | undefined,
  ): void {
    const { request, flow } = transaction;
    const asked: SubscribeRequest = { request, flow, ...form, subscription: known };
    const decide = (decision: SubscribeDecision): void => {
      try {
        this.#decide(transaction, form, subscription, known !== undefined, decision);
      } catch (error) {
        this.#broken(transaction, error);
      }
    };
    const { authorize } = this.#options;
    const decision = authorize === undefined ? ({ verdict: "accept" } as const) : authorize(asked);
    if (!(decision instanceof Promise)) return decide(decision);
    this.#judging++;
    void decision.finally(() => this.#judging--).then(decide, (error: unknown) => this.#broken(transaction, error));
  }

  #decide(
    transaction: ServerTransaction,
    form: SubscribeForm,
    subscription: NotifierSubscription,
    known: boolean,
    decision: SubscribeDecision,
  ): void {
    // It took so long that its sender gave up, or everything is over.
    if (!transaction.open || this.#closed !== undefined) return transaction.reply(503);
    if (decision.verdict === "refuse") {
      this.#counts.refused++;
      return subscription.refused(transaction, decision);
    }
    if (known && subscription.state === "terminated") return this.#refuse(transaction, { statusCode: 481 });
    if (known && subscription.overtook(transaction.request)) return this.#refuse(transaction, { statusCode: 500 });
    const subscriber = decision.subscriber ?? subscription.subscriber;
    if (!known && this.#hasEnough(subscriber)) return this.#overload(transaction, 486);
    const expiresSeconds = Math.min(form.expiresSeconds, decision.expiresSeconds ?? form.expiresSeconds);
    if (decision.applicationData !== undefined) subscription.applicationData = decision.applicationData;
    if (!known) {
      subscription.subscriber = subscriber;
      subscription.resource = decision.resource ?? subscription.resource;
      this.#counts.created++;
    } else if (form.accept.length > 0) subscription.accept = form.accept;
    const accepted = { transaction, expiresSeconds, headers: decision.headers ?? [] };
    if (expiresSeconds === 0) subscription.accepted(known ? "unsubscribed" : "fetched", accepted);
    else subscription.accepted(decision.verdict === "accept" ? "granted" : "undecided", accepted);
  }

  #refuse(transaction: ServerTransaction, refusal: SubscribeRefusal): void {
    this.#counts.refused++;
    transaction.reply(refusal.statusCode, refusal);
  }

  #overload(transaction: ServerTransaction, statusCode: number): void {
    this.#counts.overloaded++;
    transaction.reply(statusCode, { headers: [RETRY_AFTER] });
  }

  #broken(transaction: ServerTransaction, error: unknown): void {
    this.#options.endpoint.logger.error({ err: error, package: this.package }, "a SUBSCRIBE could not be judged");
    transaction.reply(500);
  }

  #restore(given: SubscriptionRecord): void {
    try {
      const record = checkedRecord(given, this.package);
      if (this.#table.get(record.id) !== undefined) throw new TypeError("subscription record: it was there already");
      const leftMs = Date.parse(record.expiresAt) - this.#options.endpoint.clock.date().getTime();
      const subscription = new NotifierSubscription(this.#host, initOf(record, Math.max(leftMs, 0) / 1000));
      this.#table.add(subscription);
      this.#report({ kind: "restored", subscription });
      if (leftMs <= 0) subscription.end("expired", "timeout");
    } catch (error) {
      this.#counts.damaged++;
      this.#options.endpoint.logger.error({ err: error, subscription: given?.id }, "a stored subscription is damaged");
    }
  }

  #report(report: NotifierReport): void {
    try {
      this.#options.onReport?.(report);
    } catch (error) {
      this.#options.endpoint.logger.error({ err: error, report: report.kind }, "a listener for subscriptions threw");
    }
  }
}
