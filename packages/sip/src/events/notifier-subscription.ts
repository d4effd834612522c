import { type Dialog, dialogHeaders } from "../dialog/index.ts";
import { encodeText, responseTo, type SipRequest, type SipResponse } from "../message/index.ts";
import type { ServerTransaction } from "../transaction/index.ts";
import type { WheelTimer } from "../transaction/timer-wheel.ts";
import type { Flow } from "../transport/transport.ts";
import type { SendOptions, SendOutcome } from "../user-agent/request-sender.ts";
import { type EventHeader, eventsMatch, parseEvent, serializeAllowEvents, serializeEvent } from "./event-header.ts";
import { flowBack } from "./flow-back.ts";
import { askInitial } from "./initial-notifications.ts";
import { type NotifierAction, type NotifierEvent, type NotifierState, notifier } from "./notifier.machine.ts";
import type { Accepted, NotifierHost, SubscriptionInit } from "./notifier-host.ts";
import type { NotificationInit, NotifyOutcome, Subscription } from "./notifier-options.ts";
import { failure, type NotifyJob, NotifyQueue } from "./notify-queue.ts";
import type { SubscribeRefusal } from "./subscribe-checks.ts";
import { bracketed } from "./subscribe-request.ts";
import { serializeSubscriptionState } from "./subscription-state.ts";
import type { JsonValue, SubscriptionRecord } from "./subscription-store.ts";
import { endsSubscription } from "./verdicts.ts";

/** Numbers that one NOTIFY may use: challenges and failover take some. */
const SEQ_MARGIN = 16;

/** One subscription at its notifier: performs the actions of {@link notifier}. */
export class NotifierSubscription implements Subscription {
  readonly id: string;
  readonly event: EventHeader;
  readonly dialog: Dialog;
  resource: string;
  subscriber: string;
  accept: readonly string[];
  applicationData: JsonValue;
  readonly #host: NotifierHost;
  readonly #queue: NotifyQueue;
  readonly #expiry: WheelTimer;
  readonly #eventText: string;
  #state: NotifierState;
  #flow: Flow | undefined;
  /** By the wheel's clock. */
  #expiresAtMs: number;
  /** CSeq numbers up to here are ours to use: a restart goes on above. */
  #reservedSeq: number;
  #accepted: (Accepted & { readonly response: SipResponse }) | undefined;
  /** CSeq number of the SUBSCRIBE that was accepted last. */
  #acceptedSeq: number;
  /** Takes back the question for the NOTIFYs that follow a SUBSCRIBE. */
  #stopAsking: (() => void) | undefined;
  #refusal: SubscribeRefusal | undefined;
  #transaction: ServerTransaction | undefined;
  #endReason: string | undefined;
  #retryAfterSeconds: number | undefined;
  #lastInit: NotificationInit = {};
  #closed = false;

  constructor(host: NotifierHost, init: SubscriptionInit) {
    this.#host = host;
    this.#state = init.state;
    this.dialog = init.dialog;
    this.id = init.dialog.localTag;
    this.event = init.event;
    this.#eventText = serializeEvent({
      package: init.event.package,
      ...(init.event.id === undefined ? {} : { id: init.event.id }),
    });
    this.resource = init.resource;
    this.subscriber = init.subscriber;
    this.accept = init.accept;
    this.applicationData = init.applicationData;
    this.#flow = init.flow;
    this.#reservedSeq = init.dialog.localSeq;
    this.#acceptedSeq = init.dialog.state.remoteSeq ?? 0;
    this.#expiresAtMs = host.wheel.now() + init.expiresSeconds * 1000;
    this.#queue = new NotifyQueue((job, signal) => this.#send(job, signal));
    this.#expiry = host.wheel.timer(() => this.end("expired", "timeout"));
    // A stored one runs already.
    if (init.state !== "respWait") host.wheel.start(this.#expiry, this.#leftMs);
  }

  get state(): "pending" | "active" | "terminated" {
    return this.#state === "pending" || this.#state === "active" ? this.#state : "terminated";
  }

  get expiresAt(): Date {
    return new Date(this.#host.options.endpoint.clock.date().getTime() + this.#leftMs);
  }

  get remoteTarget(): string {
    return this.dialog.remoteTarget;
  }

  /** NOTIFYs that wait, without the one under way. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Resolves when no NOTIFY is under way or waits. */
  settled(): Promise<void> {
    return this.#queue.settled();
  }

  /** Whether a later SUBSCRIBE was accepted before this one was judged. RFC 3261 §12.2.2. */
  overtook(request: SipRequest): boolean {
    return request.cseq.seq < this.#acceptedSeq;
  }

  /** As plain JSON, with the CSeq numbers that are reserved. */
  get record(): SubscriptionRecord {
    return {
      id: this.id,
      package: this.event.package,
      eventId: this.event.id ?? null,
      eventParams: [...this.event.params].filter(([name]) => name !== "id"),
      state: this.#state === "pending" ? "pending" : "active",
      dialog: { ...this.dialog.state, localSeq: Math.max(this.#reservedSeq, this.dialog.localSeq) },
      expiresAt: this.expiresAt.toISOString(),
      resource: this.resource,
      subscriber: this.subscriber,
      accept: this.accept,
      applicationData: this.applicationData,
    };
  }

  /** A SUBSCRIBE was accepted. @throws when what the application gave cannot stand in the 200: nothing has changed then. */
  accepted(event: "granted" | "undecided" | "fetched" | "unsubscribed", accepted: Accepted): void {
    const { transaction } = accepted;
    this.#flow = transaction.flow;
    this.#accepted = { ...accepted, response: this.#responseTo(accepted) };
    this.#acceptedSeq = transaction.request.cseq.seq;
    if (event === "fetched" || event === "unsubscribed") this.#endReason = "timeout";
    this.#step(event);
    this.#accepted = undefined;
  }

  /** A SUBSCRIBE was refused. */
  refused(transaction: ServerTransaction, refusal: SubscribeRefusal): void {
    this.#transaction = transaction;
    this.#refusal = refusal;
    this.#step("refused");
    this.#transaction = undefined;
    this.#refusal = undefined;
  }

  /** Policy grants permission at last. */
  permit(): void {
    this.#step("permitted");
  }

  /** Ends it with a last NOTIFY that says why, and perhaps more. */
  end(event: "expired" | "ended", reason: string, retryAfterSeconds?: number, last: NotificationInit = {}): void {
    if (this.state === "terminated") return;
    this.#endReason = reason;
    this.#retryAfterSeconds = retryAfterSeconds;
    this.#lastInit = last;
    this.#step(event);
  }

  /** The notifier stops: no NOTIFY, and the record stays. */
  close(): void {
    this.#closed = true;
    this.#step("closed");
  }

  save(): void {
    if (this.state !== "terminated") void this.#host.writer.put(this.id, () => this.record);
  }

  notify(init: NotificationInit, signal: AbortSignal | undefined): Promise<NotifyOutcome> {
    return new Promise((resolve) => this.#queue.push({ init, last: false, done: resolve, signal }));
  }

  #step(event: NotifierEvent): void {
    const row = notifier[this.#state][event];
    if (row === undefined) return;
    this.#state = row.next;
    for (const action of row.actions) {
      this.#perform(action);
      // The one who heard a report has done something about it.
      if (this.#state !== row.next) return;
    }
  }

  #perform(action: NotifierAction): void {
    const { wheel, writer } = this.#host;
    switch (action) {
      case "accept":
        this.#accept();
        return;
      case "refuse":
        if (this.#refusal !== undefined) this.#transaction?.reply(this.#refusal.statusCode, this.#refusal);
        return;
      case "enter":
        this.#reservedSeq = this.#nextBlock();
        this.#host.enter(this);
        return;
      case "save":
        this.save();
        return;
      case "erase":
        void writer.delete(this.id);
        return;
      case "leave":
        this.#stopAsking?.();
        this.#host.leave(this);
        return;
      case "startExpiry":
        wheel.start(this.#expiry, this.#leftMs);
        return;
      case "stopExpiry":
        wheel.stop(this.#expiry);
        return;
      case "notifyInitial":
        this.#notifyInitial(false);
        return;
      case "notifyLast":
        this.#notifyInitial(true);
        return;
      case "notifyEnd":
        this.#stopAsking?.();
        this.#pushOwn(this.#lastInit, true);
        return;
      case "failQueued":
        if (this.#closed) this.#queue.fail("SIP_CLOSED", "the notifier was closed", true);
        else this.#queue.fail("SIP_SUBSCRIPTION_ENDED", "the subscription ended", false);
        return;
      case "reportCreated":
        this.#host.report({ kind: "created", subscription: this });
        return;
      case "reportRefreshed":
        this.#host.report({ kind: "refreshed", subscription: this });
        return;
      case "reportGranted":
        this.#host.report({ kind: "granted", subscription: this });
        return;
      case "reportEnded":
        this.#host.report({ kind: "ended", subscription: this, reason: this.#endReason ?? "failed" });
        return;
      default:
        action satisfies never;
    }
  }

  #accept(): void {
    if (this.#accepted === undefined) return;
    const { transaction, expiresSeconds, response } = this.#accepted;
    transaction.respond(response);
    if (transaction.request.to.params.has("tag")) this.dialog.refreshTarget(transaction.request);
    this.#expiresAtMs = this.#host.wheel.now() + expiresSeconds * 1000;
  }

  /** 200, never 202 (§8.3.1), with Expires (§3.1.1) and the fields that make or keep the dialog. */
  #responseTo({ transaction: { request }, expiresSeconds, headers, implicitly }: Accepted): SipResponse {
    const contact = encodeText(this.#contact());
    const made = !request.to.params.has("tag");
    const granted = [
      ["Expires", String(expiresSeconds)],
      ["Allow-Events", serializeAllowEvents(this.#host.allowEvents())],
    ] as const;
    return responseTo(request, implicitly ?? 200, {
      toTag: this.id,
      headers: [
        ...(made ? dialogHeaders(request, contact) : [["Contact", contact] as const]),
        ...(implicitly === undefined ? granted : []),
        ...headers.map(([name, value]) => [name, encodeText(value)] as const),
      ],
    });
  }

  /** A name-addr, in Unicode. */
  #contact(): string {
    const { contact } = this.#host.options;
    return bracketed(typeof contact === "function" ? contact(this.#flow) : contact);
  }

  get #leftMs(): number {
    return Math.max(this.#expiresAtMs - this.#host.wheel.now(), 0);
  }

  #nextBlock(): number {
    return this.dialog.localSeq + Math.max(this.#host.options.seqBlock ?? 100, 2 * SEQ_MARGIN);
  }

  /** What was asked for before is older than what is asked for now. */
  #notifyInitial(last: boolean): void {
    this.#stopAsking?.();
    this.#stopAsking = askInitial(this, this.#host.options, this.#host.wheel, (list) => {
      if (this.#state === "terminated") return;
      list.forEach((init, i) => {
        this.#pushOwn(init, last && i === list.length - 1);
      });
    });
  }

  /** A NOTIFY of the notifier's own: what goes wrong with it is reported, for nobody else waits for it. */
  #pushOwn(init: NotificationInit, last: boolean): void {
    const done = (outcome: NotifyOutcome): void => {
      const taken = outcome.kind === "response" && outcome.response.statusCode < 300;
      if (!taken && !this.#closed) this.#host.report({ kind: "notify-failed", subscription: this, outcome });
    };
    this.#queue.push({ init, last, done, signal: undefined });
  }

  async #send(job: NotifyJob, signal: AbortSignal): Promise<NotifyOutcome> {
    const { options, writer } = this.#host;
    const { dialog } = this;
    if (dialog.localSeq + SEQ_MARGIN > this.#reservedSeq && this.state !== "terminated") {
      this.#reservedSeq = this.#nextBlock();
      await writer.put(this.id, () => this.record);
    }
    if (this.#isPast(job.init.notAfter))
      return this.#ended(job, failure("SIP_EXPIRED", "it came to its turn too late", false));
    let outcome: SendOutcome;
    try {
      outcome = await options.sender.send(this.#request(job), this.#sendOptions(signal));
    } catch (error) {
      // A sender of the application's own may choke on the target, which is the subscriber's.
      const reason = `the NOTIFY cannot be made: ${error instanceof Error ? error.message : String(error)}`;
      return this.#ended(job, failure("SIP_UNRESOLVED", reason, false));
    }
    dialog.skip(outcome.attempts - 1);
    if (outcome.kind === "failure") {
      const { code, reason, retryable, attempts } = outcome;
      return this.#ended(job, failure(this.#closed ? "SIP_CLOSED" : code, reason, retryable, false, attempts));
    }
    const { response, attempts } = outcome;
    if (response.statusCode < 300) dialog.refreshTarget(response);
    return this.#ended(job, { kind: "response", response, attempts, subscriptionEnded: false });
  }

  #isPast(date: Date | undefined): boolean {
    return date !== undefined && date <= this.#host.options.endpoint.clock.date();
  }

  /** §4.2.2: what the outcome of a NOTIFY means for the subscription. */
  #ended(job: NotifyJob, outcome: NotifyOutcome): NotifyOutcome {
    const ends =
      outcome.kind === "response" ? endsSubscription(outcome.response.statusCode) : outcome.code === "SIP_TIMEOUT";
    if (job.last) this.#step("finished");
    else if (ends) this.#step("notifyFailed");
    const told = { ...outcome, subscriptionEnded: ends || this.state === "terminated" };
    this.#host.notified(told);
    return told;
  }

  #request({ init, last }: NotifyJob): SipRequest {
    const { event, headers, contentType, body } = init;
    const text = event === undefined ? this.#eventText : this.#checkedEvent(event);
    const subscriptionState = last
      ? serializeSubscriptionState({
          state: "terminated",
          reason: this.#endReason,
          retryAfterSeconds: this.#retryAfterSeconds,
        })
      : `${this.#state === "pending" ? "pending" : "active"};expires=${Math.floor(this.#leftMs / 1000)}`;
    return this.dialog.request("NOTIFY", {
      headers: [
        ["Contact", this.#contact()],
        ["Event", text],
        ["Subscription-State", subscriptionState],
        ...(this.#host.options.headers ?? []),
        ...(headers ?? []),
        ...(contentType === undefined ? [] : [["Content-Type", contentType] as const]),
      ],
      ...(body === undefined ? {} : { body }),
    });
  }

  /** The subscriber matches package and id (§8.2.1): others would be answered 489 or 481. */
  #checkedEvent(text: string): string {
    const given = parseEvent(encodeText(text));
    if (eventsMatch(given, this.event)) return text;
    if (given.package === this.event.package && given.id === undefined) return `${text};id=${this.event.id}`;
    throw new TypeError(`Event "${text}" is not one of this subscription`);
  }

  #sendOptions(signal: AbortSignal): SendOptions {
    const { credentials } = this.#host.options;
    const { strictHop } = this.dialog;
    const flow = flowBack(this.#flow, this.dialog);
    return {
      signal,
      ...(credentials === undefined ? {} : { credentials }),
      ...(strictHop === undefined ? {} : { nextHop: strictHop }),
      ...(flow === undefined ? {} : { flow }),
    };
  }
}
